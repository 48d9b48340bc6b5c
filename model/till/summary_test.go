package till

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/model"
	"cafe/model/till/sheet"
)

func TestTotalsAreOfBusinessDaysAndOfWhatWasTaken(t *testing.T) {
	r := rules(t)
	r.Calendar.Cutoff = 4 * time.Hour
	text := "order,ordered_at,item,qty,Net Sales,Void?,VAT,Card fee,note\n" +
		"1,2016-10-30 09:00,Tea,1,2.40,,0.40,0.05,\n" +
		"2,2016-10-31 03:59,Tea,1,2.50,no,,,late\n" + // still the 30th
		"3,2016-10-31 04:00,Bread,-1,-4.20,,,,\n" +
		"4,2016-10-31 09:00,Gold,1,9.00,,,,\n" +
		"5,2016-10-31 09:00,Tea,1,7.00,,,,\n"
	f, err := ReadOrders(t.Context(), strings.NewReader(text), r)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for o, err := range f.All() {
		switch {
		case err != nil:
			t.Fatal(err)
		case len(o.Problems) > 0:
			err = f.Reject(o.Entry, "")
		case o.ID == "5":
			err = f.Reject(o.Entry, "was imported before with other rows")
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	s := f.Summary()
	want := model.FileTotals{Orders: 2, Revenue: 70, ByDay: []model.FileDay{{Day: "2016-10-30", Orders: 2, Revenue: 490}, {Day: "2016-10-31", Revenue: -420}}}
	if !reflect.DeepEqual(s.Totals, want) {
		t.Errorf("totals are %+v, want %+v", s.Totals, want)
	}
	read := map[string]string{"order id": "order", "time": "ordered_at", "item": "item", "quantity": "qty", "amount": "Net Sales", "void": "Void?", "tax": "VAT"}
	if !maps.Equal(s.Columns.Read, read) || !slices.Equal(s.Columns.NotRead, []string{"Card fee", "note"}) {
		t.Errorf("columns are %v, and not read %q", s.Columns.Read, s.Columns.NotRead)
	}
	if want := `a column that may hold money, a void or a refund was not read: "Card fee"`; !slices.Contains(s.Notes, want) {
		t.Errorf("notes are %q, want %q", s.Notes, want)
	}
	if again := f.Summary(); !reflect.DeepEqual(again, s) {
		t.Errorf("a second summary is %+v", again)
	}
}

// A small upload must not make a large rejects file.
func TestTheRejectsFileIsBounded(t *testing.T) {
	wide := header[:len(header)-1] + strings.Repeat(",", maxColumns-4) + "\n"
	rows := 5 * MaxRejects / maxColumns / 4
	r := rules(t)
	r.Memory = 0
	f, err := ReadOrders(t.Context(), strings.NewReader(gzipped(t, wide+strings.Repeat("x\n", rows))), r)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for o, err := range f.All() {
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Reject(o.Entry, ""); err != nil {
			t.Fatal(err)
		}
	}
	var out countingWriter
	kept, err := f.WriteRejects(&out)
	if err != nil || out > MaxRejects+sheet.MaxRow || out < MaxRejects/2 {
		t.Errorf("the rejects are %d bytes, %v", out, err)
	}
	if kept == 0 || kept+f.RejectsLeftOut() != rows {
		t.Errorf("of %d rows %d are kept and %d left out", rows, kept, f.RejectsLeftOut())
	}
	want := fmt.Sprintf("the rejects file is full: it has %d of %d rejected rows", kept, rows)
	if notes := f.Summary().Notes; !slices.Contains(notes, want) {
		t.Errorf("notes are %q, want %q", notes, want)
	}
}

type countingWriter int

func (w *countingWriter) Write(p []byte) (int, error) {
	*w += countingWriter(len(p))
	return len(p), nil
}

// The fingerprints and ids are those of the version before columns had dialects.
func TestWhatWasImportedBeforeIsStillTheSame(t *testing.T) {
	for text, want := range map[string]string{
		"customer_id," + header + "alice,2016-10-30,9:58:11,7,Tea\n":                              "U743QJNK08OE7UQL2BLE8OD2LC ACGC67LR5RJRDIFOBTTNEPKUNO",
		"amount,unit_price,qty," + header + "5.00,3.00,2.0,2016-10-30,9:58:11,7,Tea\n":            "3CC0KSE8529QG7O6J6PHNR0BDG ACGC67LR5RJRDIFOBTTNEPKUNO",
		"ordered_at,order,item,status,outlet\n2016-10-30T09:58:11+01:00,7,tea,refunded,North\n":   "UAQK2COCO4SCTCR0V9AOJ93734 J96E23IT7S73EB1DSKNQ3MP4SS",
		"tax,tip,void?,Location," + header + "1,2,no,Main,2016-10-30,9:58:11,7,Tea\n":             "",
		"customer_id,payment_method," + header + "alice,Card,2016-10-30,9:58:11,7,Tea\n":          "U743QJNK08OE7UQL2BLE8OD2LC ACGC67LR5RJRDIFOBTTNEPKUNO",
		"discount,amount,unit_price,qty," + header + "1,5.00,3.00,2.0,2016-10-30,9:58:11,7,Tea\n": "3CC0KSE8529QG7O6J6PHNR0BDG ACGC67LR5RJRDIFOBTTNEPKUNO",
	} {
		if want == "" {
			o := mustImport(t, header+"2016-10-30,9:58:11,7,Tea\n", rules(t)).orders[0]
			want = o.Fingerprint + " " + o.OrderID()
		}
		for _, payment := range []model.PaymentTerms{"", model.TermsCounter, model.TermsAccount} {
			r := rules(t)
			r.Payment = payment
			o := mustImport(t, text, r).orders[0]
			if got := o.Fingerprint + " " + o.OrderID(); got != want {
				t.Errorf("%q with %q: got %s, want %s", text, payment, got, want)
			}
		}
	}
}

func TestSalesUnderOneID(t *testing.T) {
	const first, second, third = "2016-10-30,8:15,17,Tea\n", "2016-10-30,9:14,17,Bread\n", "2016-10-30,16:40:05,17,Coffee\n"
	whole := func(text string) string { // as one order, at one time
		o := mustImport(t, header+text, rules(t))
		return o.orders[0].Whole
	}
	for name, text := range map[string]string{"in order": first + second + third, "reversed": third + second + first} {
		o := mustImport(t, header+text, rules(t))
		want := []string{
			"till//2016-10-30/17 2016-10-30T08:15:00Z" + plain + "1×tea@2.40=2.40 1×bread@4.20=4.20 total 6.60",
			"till//2016-10-30/17 2016-10-30T16:40:05Z" + plain + "1×coffee@2.80=2.80 total 2.80",
		}
		if name == "reversed" {
			want[0] = "till//2016-10-30/17 2016-10-30T08:15:00Z" + plain + "1×bread@4.20=4.20 1×tea@2.40=2.40 total 6.60"
		}
		if got := showAll(o.orders); !slices.Equal(got, want) {
			t.Fatalf("%s: got  %q\nwant %q", name, got, want)
		}
		if o.orders[0].Time != "" || o.orders[1].Time != "16:40:05" || o.orders[0].OrderID() == o.orders[1].OrderID() {
			t.Errorf("%s: the identities are %v and %v", name, o.orders[0].Identity, o.orders[1].Identity)
		}
		if w := o.orders[0].Whole; w == "" || w != o.orders[1].Whole || w != whole(first+second+third) || w == o.orders[0].Fingerprint {
			t.Errorf("%s: the whole is %q and %q", name, w, o.orders[1].Whole)
		}
	}
	alone := mustImport(t, header+first+second, rules(t)).orders
	if len(alone) != 1 || alone[0].Whole != "" {
		t.Errorf("within an hour: %q, whole %q", showAll(alone), alone[0].Whole)
	}
	o := mustImport(t, header+first+third+"2016-10-30,25:00,17,Tea\n", rules(t))
	if len(o.orders) != 1 || o.orders[0].PlacedAt.Hour() != 8 || len(o.rejected) != 1 || len(o.rejected[0].Rows) != 2 {
		t.Errorf("a bad time below the second sale: %q good, %d rejected", showAll(o.orders), len(o.rejected))
	}
	o = mustImport(t, header+"2016-10-30,25:00,17,Tea\n"+first+third, rules(t))
	if len(o.orders) != 1 || o.orders[0].PlacedAt.Hour() != 16 || len(o.rejected) != 1 {
		t.Errorf("a bad time above the first sale: %q good, %d rejected", showAll(o.orders), len(o.rejected))
	}
}

func TestLinesMayEndWithCR(t *testing.T) {
	want := mustImport(t, "note,"+header+"a,2016-10-30,9:58,1,Tea\n\"b\nc\",2016-10-30,9:58,2,Tea\n", rules(t))
	for name, text := range map[string]string{
		"CR":                             "note,Date,Time,Transaction,Item\ra,2016-10-30,9:58,1,Tea\r\"b\rc\",2016-10-30,9:58,2,Tea\r",
		"CR, a quoted one in the header": "\"no\rte\",Date,Time,Transaction,Item\ra,2016-10-30,9:58,1,Tea\rb,2016-10-30,9:58,2,Tea",
	} {
		got := mustImport(t, text, rules(t))
		if !slices.Equal(showAll(got.orders), showAll(want.orders)) || got.rows != 2 {
			t.Errorf("%s: got %q", name, showAll(got.orders))
		}
	}
	f, err := ReadMenu(t.Context(), strings.NewReader("sku,name,price\rbun,Bun,1\r"), rules(t))
	if good, _, _ := importAll(t, f, err, showItem); !slices.Equal(good, []string{"bun|Bun||1.00|false|true"}) {
		t.Errorf("menu: %q", good)
	}
	stock, err := ReadStock(t.Context(), strings.NewReader("sku,on_hand\rcake,3\r"), rules(t))
	if good, _, _ := importAll(t, stock, err, showCount); !slices.Equal(good, []string{"cake 3"}) {
		t.Errorf("stock: %q", good)
	}
}

// A discount of the order leaves lines that sum up to what is left, none of them below
// nothing, and each within a penny of its share.
func TestADiscountOfTheOrderIsSpreadInProportion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		totals := rapid.SliceOfN(rapid.Int64Range(0, 100_000), 1, 6).Draw(t, "totals")
		b := builder{}
		for _, total := range totals {
			b.o.Lines = append(b.o.Lines, model.Line{Total: model.Money(total)})
			b.o.Total += model.Money(total)
		}
		before := b.o.Total
		if before == 0 {
			t.Skip("nothing to take off")
		}
		off := model.Money(rapid.Int64Range(1, int64(before)).Draw(t, "off"))
		if !b.spread(-off) {
			t.Fatal("it was not spread")
		}
		var sum, discount model.Money
		for i, l := range b.o.Lines {
			sum += l.Total
			discount += b.o.Extras[i].Discount
			exact := float64(totals[i]) * float64(off) / float64(before)
			if got := float64(totals[i] - int64(l.Total)); l.Total < 0 || got < exact-1 || got > exact+1 {
				t.Errorf("line %d of %d gives %v, its share is %v", i, totals[i], got, exact)
			}
		}
		if sum != before-off || b.o.Total != sum || discount != off {
			t.Errorf("the lines are %d, the total %d, the discount %d; want %d", sum, b.o.Total, discount, before-off)
		}
		if b.spread(-sum - 1) {
			t.Error("more than there is was taken off")
		}
	})
}

func TestWhatOrdersCannotBe(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"a discount alone":           {"amount," + header + "-1.00,2016-10-30,9:58,1,Discount\n", "2 Item: takes off more than the order's other rows amount to"},
		"a discount too high":        {"amount," + header + "2.40,2016-10-30,9:58,1,Tea\n-2.41,2016-10-30,9:58,1,Discount\n", "3 Item: takes off more than the order's other rows amount to"},
		"a row's own too high":       {"discount," + header + "2.41,2016-10-30,9:58,1,Tea\n", "2 has a discount of more than the row amounts to"},
		"an unknown item given back": {"qty,amount," + header + "-2,-2.40,2016-10-30,9:58,1,Gold\n", `2 Item: "Gold" is no SKU and no name on the menu`},
		"more than any row":          {"qty,unit_price," + header + "100000,1000000,2016-10-30,9:58,1,Tea\n", "2 comes to more than an import takes of one row"},
		"an unknown void":            {"void," + header + "perhaps,2016-10-30,9:58,1,Tea\n", `2 void: "perhaps" is not true or false`},
		"account of nobody":          {"customer_id,payment," + header + "a@b.c,tab,2016-10-30,9:58,1,Tea\n", "2 payment: is account, but the order names no customer"},
		"a date without its time":    {"Date,Order,Item\n2016-10-30,1,Tea\n", `2 Date: "2016-10-30" is not a date and time such as 2016-10-30 09:58:11`},
	} {
		o := mustImport(t, c.text, rules(t))
		if !slices.Equal(o.problems, []string{c.want}) || len(o.orders) > 0 {
			t.Errorf("%s: got %q and %q, want %q", name, o.problems, showAll(o.orders), c.want)
		}
	}
}

func TestWhatIsSaidOfLinesBesideTheirTotals(t *testing.T) {
	o := mustImport(t, "qty,unit_price,discount,tax,tip,"+header+"2,3.00,0.50,1.00,,2016-10-30,9:58,1,Tea\n1,3.00,,0.50,0.20,2016-10-30,9:58,1,Tea\n1,4.20,,,,2016-10-30,9:58,1,Bread\n", rules(t)).orders[0]
	if want := []Extra{{50, 150, 20}, {}}; !slices.Equal(o.Extras, want) || o.Discount != 50 || o.Tax != 150 || o.Tip != 20 || o.Total != 1270 {
		t.Errorf("got %v, %d %d %d, total %d", o.Extras, o.Discount, o.Tax, o.Tip, o.Total)
	}
	if plain := mustImport(t, header+"2016-10-30,9:58,1,Tea\n", rules(t)).orders[0]; plain.Extras != nil {
		t.Errorf("got %v for a file that says nothing of it", plain.Extras)
	}
}

// The short way to a business day must not differ from the calendar's.
func TestTheBusinessDayIsTheCalendars(t *testing.T) {
	zones := []string{"Europe/London", "America/New_York", "Pacific/Apia", "Australia/Lord_Howe", "Africa/Cairo"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom(zones).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		u := &upload{rules: Rules{Calendar: model.Calendar{Zone: zone, Cutoff: time.Duration(rapid.IntRange(0, 23*60).Draw(t, "cutoff")) * time.Minute}}}
		start := time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC)
		for range 50 {
			o := &Order{PlacedAt: start.Add(time.Duration(rapid.IntRange(0, 2*365*24*60).Draw(t, "minutes")) * time.Minute)}
			o.Date = o.PlacedAt.In(zone).AddDate(0, 0, rapid.IntRange(-1, 1).Draw(t, "off")).Format(time.DateOnly)
			for range 2 {
				if got, want := u.dayOf(o), u.rules.Calendar.DayOf(o.PlacedAt); got != want {
					t.Fatalf("%v is of %s, want %s", o.PlacedAt, got, want)
				}
			}
		}
	})
}
