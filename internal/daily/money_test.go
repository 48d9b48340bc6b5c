package daily_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/cafetest"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/pricing"
	"cafe/model/report"
)

// figures are the sums of a day's money.
type figures struct {
	orders                                int64
	revenue, net, discounts, charges, tip model.Money
	taxes                                 string // name, rate, net and amount of each, the highest rate first
}

func figuresOf(r report.Report) figures {
	f := figures{r.Orders, r.Revenue, r.WithoutTaxes(), r.Discounts, r.Charges, r.Tips, ""}
	for _, t := range r.Taxes {
		f.taxes += fmt.Sprintf("%s %s%% %d %d; ", t.Name, t.Rate, t.Net, t.Amount)
	}
	return f
}

// ordersOf adds up a day's money by what each order says of itself where it is shown.
func ordersOf(t *rapid.T, c *cafetest.Cafe, day model.Day) (f figures) {
	type tax struct {
		name string
		rate model.Rate
	}
	sums := map[tax][2]model.Money{}
	for key, item := range cafetest.Stored(t, c, "O#") {
		if item.Bool("deleted") {
			continue
		}
		o, err := c.Order(ctx, cafetest.Owner, key.PK[2:])
		if err != nil {
			t.Fatal(err)
		}
		if !o.Stands() {
			continue
		}
		for _, p := range o.Payments {
			if p.Day == day {
				f.tip += p.Tip
			}
		}
		names := map[string]tax{}
		for _, x := range o.Reckoning.Taxes {
			names[x.ID] = tax{x.Name, x.Rate}
		}
		for _, r := range o.Refunds {
			if r.Day != day {
				continue
			}
			f.revenue, f.net, f.tip = f.revenue-r.Amount, f.net-r.Amount, f.tip-r.Tip
			for _, x := range r.Taxes {
				f.net += x.Amount
				s := sums[names[x.ID]]
				sums[names[x.ID]] = [2]model.Money{s[0] - x.Net, s[1] - x.Amount}
			}
		}
		if o.BusinessDay != day {
			continue
		}
		f.orders++
		f.revenue += o.Total - o.Reckoning.Tip
		f.net += o.Reckoning.Net()
		f.discounts += o.Reckoning.Discount()
		f.charges += o.Reckoning.Charge()
		f.tip += o.Reckoning.Tip
		for _, x := range o.Reckoning.Taxes {
			s := sums[tax{x.Name, x.Rate}]
			sums[tax{x.Name, x.Rate}] = [2]model.Money{s[0] + x.Net, s[1] + x.Amount}
		}
	}
	var order []tax
	for x := range sums {
		order = append(order, x)
	}
	slices.SortFunc(order, func(a, b tax) int { return cmp.Or(cmp.Compare(b.rate, a.rate), strings.Compare(a.name, b.name)) })
	for _, x := range order {
		f.taxes += fmt.Sprintf("%s %s%% %d %d; ", x.name, x.rate, sums[x][0], sums[x][1])
	}
	return f
}

// givenBack returns what refunds of a day took off its revenue.
func givenBack(t *rapid.T, c *cafetest.Cafe, day model.Day) (sum model.Money) {
	for _, item := range cafetest.Stored(t, c, "O#") {
		refunds, _ := item["refunds"].List()
		for _, v := range refunds {
			if r, _ := v.Map(); r.Str("day") == string(day) && !item.Bool("deleted") && item.Str("status") != "cancelled" {
				sum += model.Money(r.Int("amount"))
			}
		}
	}
	return sum
}

// Whatever happens, and in whatever order and however often the ledger hears of it.
func TestReportsAddUpTheMoneyOfTheDaysOrders(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		history := cafetest.Shuffled(t, cafetest.History(t, c, 20))
		for _, batch := range cafetest.Batches(t, history) {
			c.Post(t, batch...)
		}
		c.WantTrue(t)
		days := map[model.Day]bool{cafetest.Saturday: true}
		for _, item := range cafetest.Stored(t, c, "O#") {
			days[model.Day(item.Str("business_day"))] = true
			for _, list := range []string{"payments", "refunds"} {
				moves, _ := item[list].List()
				for _, v := range moves {
					if m, _ := v.Map(); m.Str("day") != "" {
						days[model.Day(m.Str("day"))] = true
					}
				}
			}
		}
		for day := range days {
			r := cafetest.ReadReport(t, c, day)
			if got, want := figuresOf(r.Report), ordersOf(t, c, day); got != want {
				t.Errorf("%s: the report has %+v\nits orders are %+v", day, got, want)
			}
			var taxes, items model.Money
			for _, x := range r.Taxes {
				taxes += x.Amount
			}
			for _, i := range r.Items {
				items += i.Revenue
			}
			if r.Parts() && r.Net+taxes != r.Revenue || items > r.Revenue+givenBack(t, c, day) {
				t.Errorf("%s: net %d, taxes %d, items %d, revenue %d", day, r.Net, taxes, items, r.Revenue)
			}
		}
	})
}

func TestADayWithoutPricingHasNoPartsInItsReport(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.Sell(t, c, "2017-03-18 09:30", "latte")
		r := cafetest.ReadReport(t, c, cafetest.Saturday)
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(r.JSON, &fields); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"net", "taxes", "discounts", "charges", "tips"} {
			if value, there := fields[name]; there {
				t.Errorf("%s is %s", name, value)
			}
		}
		if strings.Contains(r.Text, "IN PARTS") {
			t.Error(r.Text)
		}
	})
}

// The total stays what it was. Only the tax that it contains is another.
func TestALateChangeOfTaxesAloneMakesARevision(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.SetPricing(t, c, pricing.Document{Taxes: []pricing.Tax{
			{ID: "vat", Name: "VAT", Rate: "20", Inclusive: true, Applies: []pricing.Applies{{Class: model.StandardClass}}},
			{ID: "low", Name: "VAT", Rate: "5", Inclusive: true, Applies: []pricing.Applies{{Class: "low"}}},
		}})
		latte := model.Item{SKU: "latte", Name: "Latte", Price: 350, Active: true, Options: []model.Option{{ID: "soy", Name: "Soy milk"}}}
		setLatte := func() {
			t.Helper()
			if _, err := c.SetMenuItem(ctx, latte, nil); err != nil {
				t.Fatal(err)
			}
		}
		setLatte()
		order := cafetest.Sell(t, c, "2017-03-18 09:30", "latte")[0]
		cafetest.ClockAt(t, c, "2017-03-18 20:00")
		cafetest.MakeReport(t, c, cafetest.Saturday)
		first := cafetest.ReadReport(t, c, cafetest.Saturday)

		cafetest.ClockAt(t, c, "2017-03-18 20:10")
		latte.TaxClass = "low"
		setLatte()
		cafetest.Amend(t, c, order.ID, []model.DraftLine{{SKU: "latte", Quantity: 1, Options: []string{"soy"}}})
		cafetest.Deliver(t, c)
		cafetest.ClockAt(t, c, "2017-03-19 20:00")
		cafetest.MakeReport(t, c, cafetest.Saturday.AddDays(1))
		r := cafetest.ReadReport(t, c, cafetest.Saturday)
		if r.Revision != 2 || r.Revenue != first.Revenue || figuresOf(first.Report).taxes != "VAT 20% 292 58; " || figuresOf(r.Report).taxes != "VAT 5% 333 17; " {
			t.Errorf("revision %d: %+v, was %+v", r.Revision, figuresOf(r.Report), figuresOf(first.Report))
		}
		want := []string{"VAT 5% none → £0.17 on £3.33", "VAT 20% £0.58 on £2.92 → none"}
		if len(r.Changes) < 2 || !slices.Equal(r.Changes[:2], want) {
			t.Errorf("changes %q, want %q first", r.Changes, want)
		}
	})
}

// A tax whose rate is raised during the day is there with both rates.
func TestATaxGoesByTheDocumentOfEachOrder(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		cafetest.SetPricing(t, c, cafetest.VAT("17.5"))
		cafetest.Sell(t, c, "2017-03-18 09:30", "latte")
		cafetest.SetPricing(t, c, cafetest.VAT("20"))
		c.Clock.Pass(time.Minute)
		cafetest.Sell(t, c, "2017-03-18 12:30", "latte", "tea")
		got := figuresOf(cafetest.ReadReport(t, c, cafetest.Saturday).Report)
		if want := (figures{3, 920, 773, 0, 0, 0, "VAT 20% 475 95; VAT 17.5% 298 52; "}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		// Somebody removed a document by hand.
		if err := c.Table.Write(ctx, table.Delete(table.Key{PK: "T#1", SK: "T"})); err != nil {
			t.Fatal(err)
		}
		if got := figuresOf(cafetest.ReadReport(t, c, cafetest.Saturday).Report); got.taxes != "VAT 20% 475 95; vat % 298 52; " {
			t.Errorf("%+v", got)
		}
	})
}

func TestTheReportSaysWhatIsOwedOnTabs(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		place := func(who string) {
			t.Helper()
			if _, _, err := c.Place(ctx, cafetest.Staff, model.Draft{CustomerID: who, Lines: cafetest.Lines("latte")}, ""); err != nil {
				t.Fatal(err)
			}
		}
		owed := func() *report.Tabs {
			t.Helper()
			c.Post(t, c.Snapshot(t)...)
			r, err := c.Reports.Report(ctx, cafetest.Saturday)
			if err != nil {
				t.Fatal(err)
			}
			return r.Tabs
		}
		place(model.WalkIn)
		if tabs := owed(); tabs != nil {
			t.Errorf("nobody owes: %+v", tabs)
		}
		place("alice")
		place("alice")
		place("bob")
		place("carol")
		if _, _, err := c.Pay(ctx, cafetest.Staff, "carol", 350, model.MethodCash, "", ""); err != nil {
			t.Fatal(err)
		}
		if tabs := owed(); tabs == nil || *tabs != (report.Tabs{Owed: 1050, Customers: 2}) {
			t.Errorf("three lattes are owed: %+v", tabs)
		}
		for n := range 200 {
			place(fmt.Sprintf("guest-%d", n))
		}
		if tabs := owed(); tabs != nil {
			t.Errorf("203 customers are too many: %+v", tabs)
		}
	})
}
