package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"cafe/model"

	"pgregory.net/rapid"
)

const saturday = model.Day("2017-03-18")

var (
	london   = mustLoad("Europe/London")
	calendar = model.Calendar{Zone: london, Cutoff: 4 * time.Hour}
	menu     = model.Menu{
		"bread":  {SKU: "bread", Name: "Bread", Category: "bakery", Price: 420, Counted: true, Active: true},
		"cake":   {SKU: "cake", Name: "Cake", Category: "bakery", Price: 340, Counted: true, Active: true},
		"coffee": {SKU: "coffee", Name: "Coffee", Category: "coffee", Price: 280, Active: true},
		"bun":    {SKU: "bun", Name: "Bun", Category: "bakery", Price: 200, Counted: true},
	}
)

func mustLoad(zone string) *time.Location {
	l, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	return l
}

// sale is an order of one unit of each SKU, placed at a wall-clock time in UTC.
func sale(id, at string, skus ...string) model.Entry {
	t, err := time.Parse("2006-01-02 15:04", at)
	if err != nil {
		panic(err)
	}
	o := model.Order{ID: id, Status: model.StatusCollected, PlacedAt: t, BusinessDay: calendar.DayOf(t)}
	for _, sku := range skus {
		o.Lines = append(o.Lines, model.Line{SKU: sku, Quantity: 1, Total: menu[sku].Price})
		o.Total += menu[sku].Price
	}
	return o.Entries()[0]
}

func refunded(e model.Entry) model.Entry {
	return model.Entry{Kind: e.Kind, ID: e.ID, Day: e.Day, At: e.At, Status: model.StatusRefunded}
}

func day(d model.Day, orders int64, revenue model.Money, sold map[string]int64) Summary {
	return Summary{Day: d, Orders: orders, Revenue: revenue, Sold: sold}
}

func build(t testing.TB, in Input) Report {
	t.Helper()
	in.Calendar, in.Currency, in.Menu = calendar, "GBP", menu
	if in.Day == "" {
		in.Day = saturday
	}
	r, err := Build(in)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestADayInFigures(t *testing.T) {
	r := build(t, Input{Entries: []model.Entry{
		sale("2", "2017-03-18 10:30", "coffee", "bread"),
		sale("1", "2017-03-18 09:00", "coffee"),
		refunded(sale("3", "2017-03-18 11:00", "cake")),
		{Kind: model.EntryPayment, ID: "p", Day: saturday, Tab: -500},
		{Kind: model.EntryOrder, ID: "4", Day: saturday, Status: model.StatusCancelled, Deleted: true},
		sale("5", "2017-03-19 00:30", "cake"),
	}})
	if r.Orders != 3 || r.Revenue != 1320 || r.Average != 440 || r.Cancelled != 1 {
		t.Errorf("orders %d, revenue %d, average %d, cancelled %d", r.Orders, r.Revenue, r.Average, r.Cancelled)
	}
	if want := []Item{
		{"coffee", "Coffee", "coffee", 2, 560}, {"bread", "Bread", "bakery", 1, 420}, {"cake", "Cake", "bakery", 1, 340},
	}; !reflect.DeepEqual(r.Items, want) {
		t.Errorf("items %v", r.Items)
	}
	if want := []Hour{{9, 1, 280}, {10, 1, 700}, {0, 1, 340}}; !reflect.DeepEqual(r.Hours, want) {
		t.Errorf("hours %v; half past midnight is the last of Saturday", r.Hours)
	}
}

func TestAverageIsRoundedHalfUp(t *testing.T) {
	for _, c := range []struct{ sum, n, want int64 }{
		{5, 2, 3}, {4, 3, 1}, {-5, 2, -2}, {-7, 2, -3}, {7, 0, 0}, {math.MaxInt64, 2, math.MaxInt64/2 + 1}, {0, 9, 0},
	} {
		if got := mean(c.sum, c.n); got != c.want {
			t.Errorf("%d/%d = %d; want %d", c.sum, c.n, got, c.want)
		}
	}
}

func TestTheHourThatA25HourDayHasTwiceIsOneRow(t *testing.T) {
	r := build(t, Input{Day: "2017-10-28", Entries: []model.Entry{
		sale("1", "2017-10-28 22:30", "cake"), sale("2", "2017-10-29 00:30", "cake"), sale("3", "2017-10-29 01:30", "cake"), sale("4", "2017-10-29 02:30", "cake"),
	}})
	if want := []Hour{{23, 1, 340}, {1, 2, 680}, {2, 1, 340}}; !reflect.DeepEqual(r.Hours, want) {
		t.Errorf("hours %v", r.Hours)
	}
}

func TestA23HourDayGoesFromMidnightToTwo(t *testing.T) {
	r := build(t, Input{Day: "2017-03-25", Entries: []model.Entry{
		sale("2", "2017-03-26 01:30", "cake"), sale("1", "2017-03-26 00:30", "cake"),
	}})
	if want := []Hour{{0, 1, 340}, {2, 1, 340}}; !reflect.DeepEqual(r.Hours, want) {
		t.Errorf("hours %v", r.Hours)
	}
}

func TestComparedWithTheSameWeekdays(t *testing.T) {
	r := build(t, Input{History: []Summary{
		day("2017-03-11", 80, 100001, nil), day("2017-03-04", 61, 50000, nil), day("2017-02-25", 0, 0, nil),
		day("2017-02-18", 60, 50000, nil), day("2017-02-11", 999, 999, nil), day("2017-03-17", 999, 999, nil),
	}})
	if *r.Compared.LastWeek != (Level{80, 100001, 1}) {
		t.Errorf("last week %v", *r.Compared.LastWeek)
	}
	if *r.Compared.FourWeeks != (Level{67, 66667, 3}) {
		t.Errorf("four weeks %v; the closed Saturday is none of them", *r.Compared.FourWeeks)
	}
}

func TestItemsBoughtTogetherMoreThanByChance(t *testing.T) {
	selling := func(cakes int) (entries []model.Entry) {
		for i := range 100 {
			skus := []string{"coffee"}
			if i < cakes {
				skus = []string{"cake", "bread"}
			}
			if i == cakes || i == cakes+1 {
				skus = append(skus, "bun")
			}
			entries = append(entries, sale(fmt.Sprint(i), "2017-03-18 10:00", skus...))
		}
		return entries
	}
	in := Input{Entries: selling(4)}
	if r := build(t, in); len(r.Pairs) != 0 {
		t.Errorf("pairs %v of four orders of one day", r.Pairs)
	}
	for range 5 {
		in.Baskets.Add(CountBaskets(selling(3)))
	}
	r := build(t, in)
	want := Pair{A: "bread", B: "cake", NameA: "Bread", NameB: "Cake", Orders: 19, Lift: 31.58}
	if len(r.Pairs) != 1 || r.Pairs[0] != want || r.PairOrders != 600 {
		t.Errorf("pairs %+v of %d orders; want %+v, and not buns with a coffee", r.Pairs, r.PairOrders, want)
	}
	if pairs := in.Baskets.pairs(model.Menu{"bread": {SKU: "bread", Active: true}, "cake": {SKU: "cake"}}); len(pairs) != 0 {
		t.Errorf("pairs %v of what is off the menu", pairs)
	}
}

func TestADayWithoutSalesAsksWhether(t *testing.T) {
	r := build(t, Input{History: []Summary{day("2017-03-11", 80, 100000, map[string]int64{"bread": 20})}})
	if len(r.NeedsALook) == 0 || r.NeedsALook[0] != "No sales: closed, or is the till down?" {
		t.Errorf("needs a look: %q", r.NeedsALook)
	}
	if len(r.YesterdaysForecast) != 0 {
		t.Errorf("a closed day judges no forecast: %v", r.YesterdaysForecast)
	}
	if len(r.Bake) != 2 || r.Bake[0].Expected == 0 {
		t.Errorf("the bake list goes on: %v", r.Bake)
	}
}

func TestTheFirstDayEver(t *testing.T) {
	r := build(t, Input{Entries: []model.Entry{sale("1", "2017-03-18 10:00", "bread")}})
	if r.Compared.LastWeek != nil || r.Compared.FourWeeks != nil || len(r.YesterdaysForecast) != 0 {
		t.Errorf("compared with nothing: %+v", r)
	}
	if r.KnownDays != 1 || r.NextOpenDay != "2017-03-19" || len(r.Trend) != 1 {
		t.Errorf("known %d, next %s, trend %v", r.KnownDays, r.NextOpenDay, r.Trend)
	}
	if b := r.Bake[0]; b.SKU != "bread" || b.Low != 0 || b.High < 2 {
		t.Errorf("one sale is little to go by: %+v", b)
	}
	if b := r.Bake[1]; b.Expected != 0 || b.LastSold != "" {
		t.Errorf("what never sold is not forecast: %+v", b)
	}

	nothing := build(t, Input{})
	if nothing.KnownDays != 0 || len(nothing.Bake) != 2 || len(nothing.Trend) != 1 {
		t.Errorf("nothing at all: %+v", nothing)
	}
}

func TestNoListIsNull(t *testing.T) {
	for _, in := range []Input{{}, {Before: &Report{}}, {Entries: []model.Entry{sale("1", "2017-03-18 10:00", "coffee")}}} {
		text, err := json.Marshal(build(t, in))
		if err != nil {
			t.Fatal(err)
		}
		if nulls := strings.Count(string(text), "null"); nulls != 2 || !strings.Contains(string(text), `"compared":{"last_week":null,"four_weeks":null}`) {
			t.Errorf("%d nulls in %s", nulls, text)
		}
	}
}

func TestTheNextOpenDayIsLearntFromClosedWeekdays(t *testing.T) {
	week := func(closed ...time.Weekday) []Summary {
		var list []Summary
		for d := model.Day("2017-02-20"); d < saturday; d = d.AddDays(1) {
			if !slices.Contains(closed, d.Weekday()) {
				list = append(list, day(d, 10, 1000, nil))
			}
		}
		return list
	}
	open := []model.Entry{sale("1", "2017-03-18 10:00", "coffee")}
	for name, c := range map[string]struct {
		history []Summary
		want    model.Day
	}{
		"open every day":             {week(), "2017-03-19"},
		"closed on Sundays":          {week(time.Sunday), "2017-03-20"},
		"closed on Sunday and Mon":   {week(time.Sunday, time.Monday), "2017-03-21"},
		"closed yesterday only":      {week()[:len(week())-1], "2017-03-19"},
		"open since Thursday":        {[]Summary{day("2017-03-16", 1, 1, nil)}, "2017-03-19"},
		"one closed Sunday is known": {[]Summary{day("2017-03-11", 1, 1, nil), day("2017-03-13", 1, 1, nil)}, "2017-03-20"},
	} {
		if r := build(t, Input{History: c.history, Entries: open}); r.NextOpenDay != c.want {
			t.Errorf("%s: %s; want %s", name, r.NextOpenDay, c.want)
		}
	}
	if r := build(t, Input{History: []Summary{day("2017-02-12", 1, 1, nil)}}); r.NextOpenDay != "2017-03-19" {
		t.Errorf("closed for a month: %s; want the very next day", r.NextOpenDay)
	}
}

func TestYesterdaysForecastIsReadBackOrMadeAgain(t *testing.T) {
	history := []Summary{day("2017-03-16", 9, 900, map[string]int64{"bread": 9}), day("2017-03-17", 8, 800, map[string]int64{"bread": 8})}
	in := Input{History: history, Entries: []model.Entry{sale("1", "2017-03-18 10:00", "bread")}}
	made := build(t, in).YesterdaysForecast
	if len(made) != 2 || made[0].SKU != "bread" || made[0].Expected != 8 || made[0].Sold != 1 || made[0].Held() {
		t.Fatalf("made again: %+v", made)
	}
	earlier := build(t, Input{Day: "2017-03-17", History: history[:1], Entries: []model.Entry{sale("1", "2017-03-17 10:00", "bread")}})
	in.Earlier = &earlier
	read := build(t, in).YesterdaysForecast
	if read[0].Expected != earlier.Bake[0].Expected || read[0].Expected == made[0].Expected {
		t.Errorf("read back: %+v; promised %+v", read[0], earlier.Bake[0])
	}
	earlier.NextOpenDay = "2017-03-20"
	if again := build(t, in).YesterdaysForecast; !reflect.DeepEqual(again, made) {
		t.Errorf("what was said of another day is no forecast of this one: %+v", again)
	}
}

// The sample's two days, a Thursday and a Friday, and a week without sales after them.
func TestAPauseDoesNotMakeTheDaysBeforeItTheOnlyOpenOnes(t *testing.T) {
	history := []Summary{day("2017-03-09", 9, 900, nil), day("2017-03-10", 9, 900, nil)}
	if r := build(t, Input{History: history}); r.NextOpenDay != "2017-03-19" {
		t.Errorf("next open day: %s, want the next", r.NextOpenDay)
	}
	// A café that is closed on Sundays is so after a week of holidays, too.
	var weeks []Summary
	for d := model.Day("2017-02-13"); d < "2017-03-12"; d = d.AddDays(1) {
		if d.Weekday() != time.Sunday {
			weeks = append(weeks, day(d, 1, 1, nil))
		}
	}
	if r := build(t, Input{History: weeks}); r.NextOpenDay != "2017-03-20" {
		t.Errorf("next open day: %s, want Monday", r.NextOpenDay)
	}
}

func TestAPartialDaySaysNothingAboutDemand(t *testing.T) {
	history := []Summary{day("2017-03-16", 9, 900, map[string]int64{"bread": 20}), day("2017-03-17", 8, 800, map[string]int64{"bread": 20})}
	in := Input{Partial: true, History: history}
	morning := build(t, in)
	in.Entries = []model.Entry{sale("1", "2017-03-18 10:00", "bread")}
	noon := build(t, in)
	if noon.Bake[0].LastSold != noon.Day {
		t.Errorf("what sold today was last sold on %q", noon.Bake[0].LastSold)
	}
	noon.Bake[0].LastSold = morning.Bake[0].LastSold
	if !reflect.DeepEqual(morning.Bake, noon.Bake) || noon.KnownDays != 2 {
		t.Errorf("one bread so far moved the bake list from %v to %v", morning.Bake[0], noon.Bake[0])
	}
}

func TestANewRevisionSaysWhatChanged(t *testing.T) {
	entries := []model.Entry{sale("1", "2017-03-18 10:00", "bread"), sale("2", "2017-03-18 10:00", "cake")}
	first := build(t, Input{Revision: 1, Entries: entries})
	second := build(t, Input{Revision: 2, Before: &first, Entries: []model.Entry{
		entries[0], refunded(entries[1]), sale("3", "2017-03-18 17:00", "coffee", "bread"),
	}})
	want := []string{"Revenue £7.60 → £11.20", "Cancelled or refunded 0 → 1", "Bread sold 1 → 2", "Coffee sold 0 → 1", "Cake sold 1 → 0"}
	if len(second.Changes) < len(want) || !reflect.DeepEqual(second.Changes[:len(want)], want) {
		t.Errorf("changes %q", second.Changes)
	}
	if !slices.Contains(second.NeedsALook, "1 order came in after revision 1 was built.") {
		t.Errorf("needs a look: %q", second.NeedsALook)
	}
	if same := build(t, Input{Revision: 2, Before: &first, Entries: entries}); len(same.Changes) != 0 || len(same.NeedsALook) != 0 {
		t.Errorf("nothing changed: %q %q", same.Changes, same.NeedsALook)
	}
	first.Partial = true
	if r := build(t, Input{Revision: 1, Before: &first, Entries: nil}); len(r.Changes) != 0 {
		t.Errorf("a partial report is no revision to differ from: %q", r.Changes)
	}
}

func TestFactsAreToldInSentences(t *testing.T) {
	r := build(t, Input{Entries: []model.Entry{sale("1", "2017-03-18 10:00", "bread")}, Facts: Facts{
		RejectedImports: []RejectedImport{{"till.csv", 3, "cafe import -rejects X"}}, DeadLetters: 1, Drifted: 2, UndeliveredAlerts: 1, Unconfirmed: []string{"owner@example.com"},
		More: []string{"The roof leaks."},
	}})
	if want := []string{
		"Import till.csv left out 3 rows or orders. For 30 days “cafe import -rejects X” fetches them, with reasons; mend that file and import it.",
		"1 change could not be taken in, so totals may be wrong until they are sent again; “cafe redrive -list” says why.",
		"The totals of 2 customers do not match their orders and payments; reconcile puts them right.",
		"1 alert has not been delivered yet.",
		"owner@example.com has not confirmed the e-mail subscription, so nothing reaches it.",
		"The roof leaks.",
	}; !reflect.DeepEqual(r.NeedsALook, want) {
		t.Errorf("needs a look: %q", r.NeedsALook)
	}
}

func TestTheOrderThatTookTheLastOneWasSeen(t *testing.T) {
	orders := []model.Entry{sale("a", "2017-03-18 10:00", "bread"), sale("b", "2017-03-18 11:00", "coffee")}
	orders[0].At = orders[0].At.Add(900 * time.Millisecond)
	gone := map[string]time.Time{"bread": orders[0].At.Truncate(time.Second)} // as DynamoDB's stream has it
	if s, err := Summarise(saturday, menu, orders, gone); err != nil || s.SoldOut["bread"] != 500 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestAnItemThatRanOutTellsWhenAndWhatItMissed(t *testing.T) {
	var history []Summary
	for d := model.Day("2017-02-20"); d < saturday; d = d.AddDays(1) {
		history = append(history, day(d, 10, 1000, map[string]int64{"bread": 20}))
	}
	var entries []model.Entry
	for i := range 10 {
		skus := []string{"coffee"}
		if i < 5 {
			skus = []string{"bread", "bread"}
		}
		e := sale(string(rune('a'+i)), "2017-03-18 10:00", skus...)
		e.At = e.At.Add(time.Duration(i) * time.Minute)
		entries = append(entries, e)
	}
	gone := entries[4].At
	r := build(t, Input{History: history, Entries: entries, SoldOut: map[string]time.Time{"bread": gone}})
	if len(r.SoldOut) != 1 || !r.SoldOut[0].At.Equal(gone) || r.SoldOut[0].Name != "Bread" {
		t.Fatalf("sold out: %+v", r.SoldOut)
	}
	if m := r.SoldOut[0].Missed; m < 8 || m > 10 {
		t.Errorf("ten sold in half the day of an item that sells twenty; missed %d", m)
	}
	if !r.Bake[0].SoldOut || r.Bake[0].Expected < 19 {
		t.Errorf("half a day's ten is no less demand than twenty: %+v", r.Bake[0])
	}
	blind := build(t, Input{History: history, Entries: entries})
	if blind.Bake[0].Expected >= r.Bake[0].Expected {
		t.Errorf("without knowing that it ran out, %d would be expected; with, %d", blind.Bake[0].Expected, r.Bake[0].Expected)
	}
}

func TestRevenueThatDoesNotFitIsAnError(t *testing.T) {
	e := sale("1", "2017-03-18 10:00", "bread")
	e.Revenue = math.MaxInt64
	_, err := Build(Input{Day: saturday, Calendar: calendar, Entries: []model.Entry{e, e}})
	if !errors.Is(err, model.ErrOverflow) {
		t.Errorf("got %v", err)
	}
}

func TestJSONIsTheContractsShape(t *testing.T) {
	r := build(t, Input{
		Entries: []model.Entry{sale("1", "2017-03-18 10:00", "bread")}, BuiltAt: time.Date(2017, 3, 18, 20, 0, 0, 1000, london),
		History: []Summary{day("2017-03-11", 80, 100000, map[string]int64{"bread": 20})},
	})
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, key := range []string{
		`"day":"2017-03-18"`, `"revision":0`, `"built_at":"2017-03-18T20:00:00.000001Z"`, `"partial":false`, `"currency":"GBP"`,
		`"orders":1`, `"revenue":420`, `"average":420`, `"cancelled":0`,
		`"items":[{"sku":"bread","name":"Bread","category":"bakery","quantity":1,"revenue":420}]`,
		`"hours":[{"hour":10,"orders":1,"revenue":420}]`,
		`"compared":{"last_week":{"orders":80,"revenue":100000,"days":1},"four_weeks":{"orders":80,`,
		`"bake":[{"sku":"bread","name":"Bread","expected":`, `"low":`, `"high":`, `"bake":`, `"sold_out":false`,
		`"yesterdays_forecast":[{"sku":"bread","name":"Bread","expected":`, `"sold":1`, `"pairs":[]`, `"needs_a_look":[]`, `"next_open_day":`,
	} {
		next := strings.Index(string(text[at:]), key)
		if next < 0 {
			t.Fatalf("%s is not where the contract has it, in %s", key, text)
		}
		at += next + 1
	}
	var back Report
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("read back: %v\n%+v\n%+v", err, back, r)
	}
}

func TestTheSameInputInAnyOrderMakesTheSameBytes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		skus := []string{"bread", "cake", "coffee", "bun"}
		var entries []model.Entry
		var history []Summary
		for i := range rapid.IntRange(0, 12).Draw(rt, "orders") {
			basket := rapid.SliceOfN(rapid.SampledFrom(skus), 1, 4).Draw(rt, "basket")
			e := sale(string(rune('a'+i)), "2017-03-18 09:00", basket...)
			e.At = e.At.Add(time.Duration(rapid.IntRange(0, 600).Draw(rt, "minute")) * time.Minute)
			entries = append(entries, e)
		}
		for n := range rapid.IntRange(0, 40).Draw(rt, "days") {
			sold := map[string]int64{}
			for _, sku := range skus[:2] {
				sold[sku] = rapid.Int64Range(0, 30).Draw(rt, sku)
			}
			history = append(history, day(saturday.AddDays(-1-n), 10, 1000, sold))
		}
		in := Input{Entries: entries, History: history}
		want, _ := json.Marshal(build(t, in))
		seed := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		in.Entries, in.History = slices.Clone(entries), slices.Clone(history)
		seed.Shuffle(len(entries), func(i, j int) { in.Entries[i], in.Entries[j] = in.Entries[j], in.Entries[i] })
		seed.Shuffle(len(history), func(i, j int) { in.History[i], in.History[j] = in.History[j], in.History[i] })
		if got, _ := json.Marshal(build(t, in)); string(got) != string(want) {
			rt.Fatalf("got  %s\nwant %s", got, want)
		}

		r := build(t, in)
		var revenue, hourly model.Money
		for _, i := range r.Items {
			revenue += i.Revenue
		}
		for _, h := range r.Hours {
			hourly += h.Revenue
		}
		if revenue != r.Revenue || hourly != r.Revenue {
			rt.Fatalf("items make %d, hours %d, the day %d", revenue, hourly, r.Revenue)
		}
		for _, b := range r.Bake {
			if b.Low > b.Expected || b.Expected > b.High || b.Low > b.Bake || b.Bake > b.High || b.Low < 0 {
				rt.Fatalf("out of order: %+v", b)
			}
		}
	})
}
