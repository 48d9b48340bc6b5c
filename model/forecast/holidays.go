package forecast

import "cafe/model"

// Holidays are days that are not like others, with their names. The same name in another
// year is the same holiday.
type Holidays map[model.Day]string

// effects are what the café sells on holidays: sums of daily ratios of what sold over what
// an average day would have sold, and how many days. A holiday takes the place of its
// weekday: a holiday on a Wednesday is more like a Sunday than like a Wednesday.
type effects struct {
	all    ratio
	byName map[string]ratio
}

// of returns how much a holiday sells against an average day. It is drawn to what holidays
// sell in general, and that to the weekday's own factor, each as if by so many days.
func (e effects) of(name string, weekday, days float64) float64 {
	return e.byName[name].drawn(e.all.drawn(weekday, days), days)
}

func (e *effects) learn(name string, sold ratio) {
	if sold.under == 0 {
		return
	}
	day := min(sold.over/sold.under, 5)
	e.all.add(day, 1)
	named := e.byName[name]
	named.add(day, 1)
	e.byName[name] = named
}

// effect is what the day's holiday does to the item, against an ordinary day of the same
// weekday; 1 on ordinary days.
func (it *item) effect(f *Forecaster, today *conditions, weekday float64) float64 {
	if !today.isHoliday {
		return 1
	}
	return it.holiday.drawn(today.holiday, f.holidayUnits) / weekday
}
