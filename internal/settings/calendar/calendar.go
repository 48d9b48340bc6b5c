// Package calendar reads the file that CAFE_HOLIDAYS may name. It is a package of its own,
// because functions on AWS have no such file, and no bytes to spare for reading one.
package calendar

import (
	"fmt"
	"os"

	"cafe/model"
	"cafe/model/holidays"
)

// most is the size of the largest file, in bytes. One of public holidays has a few thousand.
const most = 1 << 20

// Holidays of these days are read: a yearly rule has no end of its own.
const first, last model.Day = "2000-01-01", "2099-12-31"

// Read returns the days of an iCalendar file with their names. An error says which line
// cannot be followed, and why.
func Read(path string) (map[model.Day]string, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil || info.IsDir():
		return nil, fmt.Errorf("%.200q is neither a calendar file nor a list such as 2026-12-25 Christmas Day;2026-12-26 Boxing Day", path)
	case info.Size() > most:
		return nil, fmt.Errorf("%q has %d bytes; the most is %d", path, info.Size(), most)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%q cannot be read", path)
	}
	days, err := holidays.Parse(string(text), first, last)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	return days, nil
}
