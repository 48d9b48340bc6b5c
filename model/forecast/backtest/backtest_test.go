package backtest

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"cafe/model"
	"cafe/model/forecast"
)

const first = model.Day("2025-01-06") // a Monday

var items = []Item{{SKU: "bread", Name: "Bread", Price: 420}, {SKU: "cake", Name: "Cake", Price: 340}}

func days(n int) (list []forecast.Day) {
	for i := range n {
		list = append(list, forecast.Day{Day: first.AddDays(i), Revenue: 30000, Sold: map[string]int64{"bread": 20, "cake": 5}})
	}
	return list
}

func TestEveryItemIsScoredOnEveryDay(t *testing.T) {
	r := Run(Test{History: days(56), Items: items, From: first.AddDays(42), To: first.AddDays(55)})
	if r.Days != 14 || r.All.Days != 28 || r.All.Sold != 14*25 || r.All.Error[LastWeek] != 0 || r.All.ErrorOver(LastWeek) != 0 {
		t.Errorf("two items on fourteen days: %+v", r.All)
	}
	if b := r.Items[0]; b.Name != "Bread" || b.Error[Ours] > 1 || b.Held[Ours] != 1 || b.Error[Median] != 0 {
		t.Errorf("%+v", b)
	}
	if len(r.Weeks) != 2 || r.Weeks[1].SKU != string(first.AddDays(49)) || r.Weeks[0].Days != 14 {
		t.Errorf("weeks: %+v", r.Weeks)
	}
	if r.Busy.Days != 28 || r.Slow.Days != 0 {
		t.Errorf("busy %d, slow %d item-days; both sell five and more", r.Busy.Days, r.Slow.Days)
	}
}

func TestDaysWithoutALastWeekAndClosedDaysAreNotScored(t *testing.T) {
	history := days(56)
	history[43].Closed = true // and so day 50 has no last week
	history[45].Outage = true
	r := Run(Test{History: history, Items: items, From: first.AddDays(42), To: first.AddDays(60)})
	if r.Days != 14-4 {
		t.Errorf("scored %d days; want 10", r.Days)
	}
	for name, test := range map[string]Test{
		"no history": {Items: items, From: first, To: first.AddDays(9)},
		"no items":   {History: days(30), From: first.AddDays(20), To: first.AddDays(29)},
		"turned":     {History: days(30), Items: items, From: first.AddDays(29), To: first.AddDays(20)},
	} {
		if r := Run(test); r.All.Days != 0 || r.Sure.ErrorOver[LastWeek].Low != 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestTheForecastDoesNotPeek(t *testing.T) {
	last := first.AddDays(41)
	test := Test{History: days(42), Items: items, From: last, To: last}
	want := Run(test).Items[0]
	test.History = days(42)
	test.History[41].Sold = map[string]int64{"bread": 90, "cake": 5}
	got := Run(test).Items[0]
	for _, k := range []int{Ours, LastWeek, Median, Former} {
		if off := got.Error[k] - want.Error[k]; math.Abs(off) < 65 {
			t.Errorf("forecast %d: seventy more sold and the error moved by %.1f only", k, off)
		}
	}
}

func TestCostsWeighWhatIsShortAndWhatIsLeft(t *testing.T) {
	var s Score
	s.score(forecast.Costs{LostSale: 3, Leftover: 1}, Ours, 10, 12, 20, 100)
	s.score(forecast.Costs{LostSale: 3, Leftover: 1}, Former, 10, 12, 4, 100)
	if s.Error[Ours] != 10 || s.Cost[Ours] != 8*1.5 || s.Money[Ours] != 1200 || s.Cost[Former] != 8*0.5 {
		t.Errorf("%+v", s)
	}
	s.score(forecast.Costs{}, Ours, 10, 12, 20, 100)
	if s.Cost[Ours] != 8 {
		t.Errorf("equal costs count one a unit; 8 units cost %v", s.Cost[Ours])
	}
}

func TestIntervalsAreTheSameEveryTimeAndHoldTheFigure(t *testing.T) {
	history := days(120)
	for i := range history {
		history[i].Sold["bread"] += int64(i*i%11) - 5
	}
	test := Test{History: history, Items: items, From: first.AddDays(50), To: first.AddDays(119)}
	a, b := Run(test), Run(test)
	if !reflect.DeepEqual(a, b) {
		t.Error("two runs differ")
	}
	for _, k := range []int{LastWeek, Median, Former} {
		if i := a.Sure.ErrorOver[k]; !a.Sure.Known || i.Low > a.All.ErrorOver(k) || a.All.ErrorOver(k) > i.High || i.Low == i.High {
			t.Errorf("%d: %.3f is not within %+v", k, a.All.ErrorOver(k), i)
		}
	}
	text, err := json.Marshal(a)
	if err != nil || !strings.Contains(string(text), `"error":{"forecast":`) || !strings.Contains(string(text), `"intervals_90":{"error_over":{"former":{"low":`) {
		t.Errorf("%v: %.300s", err, text)
	}
	if text, err := json.Marshal(Run(Test{})); err != nil || strings.Contains(string(text), "null") || strings.Contains(string(text), "intervals") {
		t.Errorf("%v: %s", err, text)
	}
}
