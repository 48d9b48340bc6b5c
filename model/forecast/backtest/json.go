package backtest

import "encoding/json"

// figures are one figure of each forecast, by name. The JSON of a forecast that has no
// such figure leaves it out.
type figures map[string]float64

func named(values [rivals]float64, who ...int) figures {
	f := figures{}
	for _, k := range who {
		f[keys[k]] = values[k]
	}
	return f
}

var (
	keys  = [rivals]string{"forecast", "last_week", "median", "former"}
	every = []int{Ours, LastWeek, Median, Former}
)

// MarshalJSON writes a score with the figures of each forecast by its name.
func (s Score) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		SKU   string  `json:"sku,omitempty"`
		Name  string  `json:"name"`
		Days  int     `json:"days"` // item-days
		Sold  int64   `json:"sold"`
		Error figures `json:"error"`
		Cost  figures `json:"cost"`
		Money figures `json:"money"`
		Held  figures `json:"held"`
		Width figures `json:"width"`
	}{s.SKU, s.Name, s.Days, s.Sold, named(s.Error, every...), named(s.Cost, every...), named(s.Money, every...),
		named(s.Held, Ours, Former), named(s.Width, Ours, Former)})
}

type interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// MarshalJSON writes all that a test found.
func (r Result) MarshalJSON() ([]byte, error) {
	type intervals struct {
		Error map[string]interval `json:"error_over"`
		Cost  map[string]interval `json:"cost_over"`
		Held  interval            `json:"held"`
	}
	var sure *intervals
	if r.Sure.Known {
		sure = &intervals{map[string]interval{}, map[string]interval{}, interval(r.Sure.Held)}
		for _, k := range []int{LastWeek, Median, Former} {
			sure.Error[keys[k]], sure.Cost[keys[k]] = interval(r.Sure.ErrorOver[k]), interval(r.Sure.CostOver[k])
		}
	}
	list := func(scores []Score) []Score { return append([]Score{}, scores...) } // never null
	return json.Marshal(struct {
		From      string     `json:"from"`
		To        string     `json:"to"`
		Days      int        `json:"days"`
		Items     []Score    `json:"items"`
		Weeks     []Score    `json:"weeks"`
		Busy      Score      `json:"busy"`
		Slow      Score      `json:"slow"`
		All       Score      `json:"all"`
		Intervals *intervals `json:"intervals_90,omitempty"`
	}{string(r.From), string(r.To), r.Days, list(r.Items), list(r.Weeks), r.Busy, r.Slow, r.All, sure})
}
