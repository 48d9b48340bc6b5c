package events

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// ordersPath is the path of orders. It is not stored: of a subject that is stored without a
// slash, the path is this.
const ordersPath = "/orders/"

// encodePage returns a page as it is stored. An event is a short list: type, subject,
// version, time, customer, data. 25 events of orders take less than 5 KB, or five write units.
func encodePage(entries []Entry, at time.Time) table.Item {
	list := make([]table.Value, len(entries))
	for i, e := range entries {
		list[i] = table.List(
			table.String(string(e.Type)), table.String(strings.TrimPrefix(e.Subject, ordersPath)), table.Int(e.Version), records.Time(e.At), table.String(e.Customer),
			table.String(strings.TrimPrefix(string(e.Data), idMember(e.Subject))),
		)
	}
	return table.Item{
		"at": records.Time(at), "events": table.List(list...),
		records.AttrExpires: records.Expires(at.Add(Life)),
	}
}

// idMember is how data begins that has the subject's id first. It is not stored.
func idMember(subject string) string {
	return `{"id":"` + subject[strings.LastIndexByte(subject, '/')+1:] + `",`
}

// decodePage returns a stored page: its number and its events.
func decodePage(row table.Row) (number int64, entries []Entry, err error) {
	r := records.NewReader(row.Key, row.Item)
	number, err = strconv.ParseInt(row.Key.SK, 10, 64)
	r.Note(err)
	stored := r.List("events")
	entries = make([]Entry, 0, len(stored))
	for i, v := range stored {
		fields, _ := v.List()
		if len(fields) != 6 {
			r.Note(errors.New("an event is incomplete"))
			break
		}
		text := func(i int) string {
			s, ok := fields[i].Str()
			if !ok {
				r.Fail("events")
			}
			return s
		}
		subject, data := text(1), text(5)
		if !strings.HasPrefix(subject, "/") {
			subject = ordersPath + subject
		}
		if !strings.HasPrefix(data, "{") {
			data = idMember(subject) + data
		}
		next := Cursor{number, int64(i) + 1}
		if i == len(stored)-1 {
			next = Cursor{Page: number + 1}
		}
		at := time.UnixMicro(r.NumberIn(fields[3], "events")).UTC()
		entries = append(entries, Entry{
			Event:    model.NewEvent(model.EventType(text(0)), subject, r.NumberIn(fields[2], "events"), at, []byte(data)),
			Customer: text(4), Next: next,
		})
	}
	return number, entries, r.Err()
}
