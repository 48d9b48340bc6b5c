package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cafe/model"
	"cafe/model/forecast"
)

// sold returns days of bread up to Friday 17 March 2017, the newest last.
func sold(bread ...int64) []Summary {
	var list []Summary
	for i, n := range bread {
		list = append(list, day(saturday.AddDays(i-len(bread)), 30, 30000, map[string]int64{"bread": n, "cake": 5}))
	}
	return list
}

func repeat(n int64, times int) []int64 {
	list := make([]int64, times)
	for i := range list {
		list[i] = n
	}
	return list
}

func TestTheBakeListHasEachActiveCountedItem(t *testing.T) {
	r := build(t, Input{History: sold(repeat(20, 60)...), Partial: true})
	if len(r.Bake) != 2 || r.Bake[0].SKU != "bread" || r.Bake[1].SKU != "cake" || r.KnownDays != 60 || r.Model == "" {
		t.Fatalf("%+v", r)
	}
	if b := r.Bake[0]; b.Expected != 20 || b.Bake != 20 || b.Doubt != "" || b.Recent == nil || b.Recent.Days != 28 || b.Recent.Held != 28 || b.By != nil {
		t.Errorf("sixty days of twenty: %+v", b)
	}
	none := build(t, Input{Partial: true})
	if b := none.Bake[0]; b.Bake != 0 || b.Recent != nil || none.Model != "" || none.KnownDays != 0 {
		t.Errorf("of nothing: %+v", b)
	}
}

// What clients know of the list keeps its names; what is new is left out when it is empty.
func TestTheBakeListsJSONKeepsItsNames(t *testing.T) {
	b, err := json.Marshal(Bake{SKU: "a", Name: "A"})
	if want := `{"sku":"a","name":"A","expected":0,"low":0,"high":0,"bake":0,"sold_out":false,"when_on":0}`; err != nil || string(b) != want {
		t.Errorf("%v: %s; want %s", err, b, want)
	}
	b, err = json.Marshal(Bake{By: []Ready{{At: "07:00", Until: "11:00", Bake: 12}}, Waste: 3})
	if err != nil || !strings.Contains(string(b), `"by":[{"at":"07:00","until":"11:00","bake":12}],"waste":3`) {
		t.Errorf("%v: %s", err, b)
	}
}

func TestClosuresAreNeitherDemandNorForecast(t *testing.T) {
	history := sold(repeat(20, 60)...)
	history[59] = day("2017-03-17", 2, 800, map[string]int64{"bread": 1}) // a family that was let in
	closures := map[model.Day]string{"2017-03-17": "Stocktaking", "2017-03-19": "Trip", "2017-03-20": "Trip"}
	r := build(t, Input{History: history, Partial: true, Closures: closures})
	if r.NextOpenDay != "2017-03-21" || r.Bake[0].Expected != 20 || r.KnownDays != 59 {
		t.Errorf("for %s, %d known days: %+v", r.NextOpenDay, r.KnownDays, r.Bake[0])
	}
	far := map[model.Day]string{}
	for d := saturday; d < "2017-05-01"; d = d.AddDays(1) {
		far[d] = "Holidays"
	}
	if r := build(t, Input{History: history, Closures: far}); r.NextOpenDay != "2017-05-01" || !strings.Contains(r.Bake[0].Doubt, "nothing is known") {
		t.Errorf("after six weeks away, for %s: %+v", r.NextOpenDay, r.Bake[0])
	}
}

// Two weeks of closed Sundays say nothing about Sundays if they were closures.
func TestAClosureDoesNotCloseAWeekday(t *testing.T) {
	var history []Summary
	closures := map[model.Day]string{}
	for _, s := range sold(repeat(20, 60)...) {
		if s.Day.Weekday() == time.Sunday && s.Day > "2017-02-12" {
			closures[s.Day] = "Works in the street"
			continue
		}
		history = append(history, s)
	}
	if r := build(t, Input{History: history, Partial: true, Closures: closures}); r.NextOpenDay != "2017-03-19" {
		t.Errorf("the next open day is %s; Sunday 19 March is no closure", r.NextOpenDay)
	}
	if r := build(t, Input{History: history, Partial: true}); r.NextOpenDay != "2017-03-20" {
		t.Errorf("without closures: %s; Sundays are closed", r.NextOpenDay)
	}
}

func TestACafeThatClosesOnHolidaysIsNotBakedForOnOne(t *testing.T) {
	history := sold(repeat(20, 60)...)
	holidays := forecast.Holidays{"2017-02-06": "First", "2017-03-06": "Second", "2017-03-19": "Third"}
	var open []Summary
	for _, s := range history {
		if _, closed := holidays[s.Day]; !closed {
			open = append(open, s)
		}
	}
	if r := build(t, Input{History: open, Partial: true, Holidays: holidays}); r.NextOpenDay != "2017-03-20" || r.Holiday != "" {
		t.Errorf("closed on both holidays known, yet the list is for %s", r.NextOpenDay)
	}
	if r := build(t, Input{History: history, Partial: true, Holidays: holidays}); r.NextOpenDay != "2017-03-19" || r.Holiday != "Third" {
		t.Errorf("open on holidays: for %s, %q", r.NextOpenDay, r.Holiday)
	}
}

func TestWasteIsToldAndNoSoldOut(t *testing.T) {
	at := time.Date(2017, 3, 18, 16, 0, 0, 0, time.UTC)
	in := Input{
		History: sold(repeat(20, 60)...), Waste: map[string]int64{"bread": 4},
		Entries: []model.Entry{sale("1", "2017-03-18 09:00", "bread"), sale("2", "2017-03-18 17:00", "cake")},
		SoldOut: map[string]time.Time{"bread": at, "cake": at},
	}
	r := build(t, in)
	if len(r.SoldOut) != 1 || r.SoldOut[0].SKU != "cake" {
		t.Errorf("bread was left over, and cake ran out: %+v", r.SoldOut)
	}
	for _, b := range r.Bake {
		if b.SKU == "bread" && (b.SoldOut || b.Waste != 4 || b.Recent.Wasted != 4) {
			t.Errorf("%+v", b)
		}
	}
}

func TestADayOfAnOutageTeachesNothing(t *testing.T) {
	in := Input{History: sold(repeat(20, 60)...), Entries: []model.Entry{sale("1", "2017-03-18 09:00", "bread")}}
	taught := build(t, in)
	in.Outage = true
	if r := build(t, in); r.KnownDays != 60 || r.Bake[0].Expected != 20 || taught.KnownDays != 61 {
		t.Errorf("%d days known, %+v", r.KnownDays, r.Bake[0])
	}
}

func TestTheListSaysWhatMustBeReadyByWhenAndTodayRevisesIt(t *testing.T) {
	var hours forecast.Hours
	for range 20 {
		var bread [24]int64
		bread[8], bread[15] = 10, 10
		hours = hours.With(map[string][24]int64{"bread": bread})
	}
	in := Input{
		History: sold(repeat(20, 60)...), Hours: hours, Bakes: []time.Duration{7 * time.Hour, 12 * time.Hour}, Partial: true,
		BuiltAt: time.Date(2017, 3, 18, 11, 0, 0, 0, time.UTC),
	}
	r := build(t, in)
	if by := r.Bake[0].By; len(by) != 2 || by[0] != (Ready{"07:00", "12:00", 10}) || by[1] != (Ready{"12:00", "16:00", 10}) {
		t.Errorf("%+v", by)
	}
	for i := range 25 {
		in.Entries = append(in.Entries, sale(string(rune('a'+i)), "2017-03-18 08:30", "bread"))
	}
	r = build(t, in)
	today := r.YesterdaysForecast[0]
	if len(today.By) != 2 || today.By[0].Bake != 10 || today.By[1].Bake < 20 {
		t.Errorf("twenty-five sold where ten were expected by eleven: %+v", today)
	}
	in.Partial = false
	if r = build(t, in); r.YesterdaysForecast[0].By != nil {
		t.Errorf("a day that is over has no bakes to come: %+v", r.YesterdaysForecast[0])
	}
}

// Half a year more of history is no reason for another list where nothing has changed.
func TestABadClockAndDoubleDaysDoNoHarm(t *testing.T) {
	history := sold(repeat(20, 60)...)
	want := build(t, Input{History: history, Partial: true}).Bake[0]
	double := append([]Summary{day("2017-03-10", 30, 30000, map[string]int64{"bread": 900})}, history...)
	double = append(double, day("2019-01-01", 30, 30000, map[string]int64{"bread": 900}), day("2009-01-01", 30, 30000, map[string]int64{"bread": 900}))
	if got := build(t, Input{History: double, Partial: true}).Bake[0]; got.Expected != want.Expected || got.High != want.High {
		t.Errorf("%+v; want %+v", got, want)
	}
	before := build(t, Input{Day: "2016-01-01", History: history, Partial: true})
	if before.KnownDays != 0 || before.Bake[0].Bake != 0 {
		t.Errorf("a day before all data: %+v", before.Bake[0])
	}
}
