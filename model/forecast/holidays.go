package forecast

import "cafe/model"

// Holidays are days that are not like others, with their names. The same name in another
// year is the same holiday.
type Holidays map[model.Day]string

// effects are what holidays have done to the café's sales: sums of daily ratios of what
// sold over what an ordinary day would have sold, and how many days.
type effects struct {
	all    ratio
	byName map[string]ratio
}

// of returns by how much a holiday differs from an ordinary day. It is drawn to what
// holidays do in general, and that to 1, each as if by so many days.
func (e effects) of(name string, days float64) float64 {
	return e.byName[name].drawn(e.all.drawn(1, days), days)
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

// effect is what the day's holiday does to the item; 1 on ordinary days.
func (it *item) effect(f *Forecaster, today conditions) float64 {
	if !today.isHoliday {
		return 1
	}
	return it.holiday.drawn(today.holiday, f.holidayUnits)
}
