package till

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cafe/model"
	"cafe/model/till/sheet"
)

// show writes an order as a line: what the tables below expect.
func show(o Order) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s/%s/%s/%s %s %s %s %s", o.Source, o.Outlet, o.Date, o.ID, o.PlacedAt.Format(time.RFC3339Nano), o.CustomerID, o.Payment, o.Status)
	for _, l := range o.Lines {
		fmt.Fprintf(&b, " %d×%s@%s=%s", l.Quantity, l.SKU, l.UnitPrice.Major("GBP"), l.Total.Major("GBP"))
	}
	fmt.Fprintf(&b, " total %s", o.Total.Major("GBP"))
	return b.String()
}

func showAll(orders []Order) []string {
	var lines []string
	for _, o := range orders {
		lines = append(lines, show(o))
	}
	slices.Sort(lines)
	return lines
}

const plain = " walk-in counter collected "

func TestGoodOrders(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"as the till writes them": {
			header + "2016-10-30,9:58:11,1,Bread\n2016-10-30,10:05:34,2,Tea\n2016-10-30,10:05:34,2,TEA\n",
			[]string{
				"till//2016-10-30/1 2016-10-30T09:58:11Z" + plain + "1×bread@4.20=4.20 total 4.20",
				"till//2016-10-30/2 2016-10-30T10:05:34Z" + plain + "2×tea@2.40=4.80 total 4.80",
			},
		},
		"rows of an order anywhere, earliest time": {
			header + "2017-07-01,10:02,1,Bread\n2017-07-01,10:01,2,Tea\n2017-07-01,10:00,1,Coffee\n",
			[]string{
				"till//2017-07-01/1 2017-07-01T09:00:00Z" + plain + "1×bread@4.20=4.20 1×coffee@2.80=2.80 total 7.00",
				"till//2017-07-01/2 2017-07-01T09:01:00Z" + plain + "1×tea@2.40=2.40 total 2.40",
			},
		},
		"an id again on another day and in another outlet is another order": {
			"store_id," + header + "1,2016-10-30,9:58,7,Tea\n2,2016-10-30,9:58,7,Tea\n1,2016-10-31,9:58,7,Tea\n",
			[]string{
				"till/1/2016-10-30/7 2016-10-30T09:58:00Z" + plain + "1×tea@2.40=2.40 total 2.40",
				"till/1/2016-10-31/7 2016-10-31T09:58:00Z" + plain + "1×tea@2.40=2.40 total 2.40",
				"till/2/2016-10-30/7 2016-10-30T09:58:00Z" + plain + "1×tea@2.40=2.40 total 2.40",
			},
		},
		"every column, names in any dress": {
			"ORDERED AT,Order_ID, sku ,QTY,Unit Price,Customer Id,PAYMENT,Status,Sales_Outlet_ID\n" +
				"2016-10-30T09:58:11.1234567+01:00,a-1,coffee,2,3.00,alice,Counter,READY,High Street\n",
			[]string{"till/High Street/2016-10-30/a-1 2016-10-30T08:58:11.123456Z alice counter ready 2×coffee@3.00=6.00 total 6.00"},
		},
		"a named customer pays at the counter, and so do 0 and nobody": {
			"customer_id," + header + "alice,2016-10-30,9:58,1,Tea\n0,2016-10-30,9:58,2,Tea\n,2016-10-30,9:58,3,Tea\nwalk-in,2016-10-30,9:58,4,Tea\n",
			[]string{
				"till//2016-10-30/1 2016-10-30T09:58:00Z alice counter collected 1×tea@2.40=2.40 total 2.40",
				"till//2016-10-30/2 2016-10-30T09:58:00Z" + plain + "1×tea@2.40=2.40 total 2.40",
				"till//2016-10-30/3 2016-10-30T09:58:00Z" + plain + "1×tea@2.40=2.40 total 2.40",
				"till//2016-10-30/4 2016-10-30T09:58:00Z" + plain + "1×tea@2.40=2.40 total 2.40",
			},
		},
		"a customer named in one row is the whole order's": {
			"customer_id," + header + ",2016-10-30,9:58,1,Tea\nalice,2016-10-30,9:58,1,Bread\n",
			[]string{"till//2016-10-30/1 2016-10-30T09:58:00Z alice counter collected 1×tea@2.40=2.40 1×bread@4.20=4.20 total 6.60"},
		},
		"the first alias listed counts, others are left alone": {
			"Transaction,Receipt,Product ID,Item,Date,Time,order\n1,x?,52?,Tea,2016-10-30,9:58,no id\n",
			[]string{"till//2016-10-30/1 2016-10-30T09:58:00Z" + plain + "1×tea@2.40=2.40 total 2.40"},
		},
		"ordered_at counts before date and time": {
			"date,time,ordered_at,order,item\nnever,never,2016-10-30 09:58:11,1,tea\n",
			[]string{"till//2016-10-30/1 2016-10-30T09:58:11Z" + plain + "1×tea@2.40=2.40 total 2.40"},
		},
		"the date is the file's, whatever the offset makes of it": {
			"ordered_at,order,item\n2016-10-30T23:30:00-05:00,1,tea\n",
			[]string{"till//2016-10-30/1 2016-10-31T04:30:00Z" + plain + "1×tea@2.40=2.40 total 2.40"},
		},
		"amount wins over quantity × price": {
			"qty,unit_price,amount," + header + "2,3.00,5.00,2016-10-30,9:58,1,Tea\n1,3.00,,2016-10-30,9:58,1,Tea\n3,,7.00,2016-10-30,9:58,2,Tea\n1,,0,2016-10-30,9:58,3,Tea\n",
			[]string{
				"till//2016-10-30/1 2016-10-30T09:58:00Z" + plain + "3×tea@3.00=8.00 total 8.00",
				"till//2016-10-30/2 2016-10-30T09:58:00Z" + plain + "3×tea@2.40=7.00 total 7.00",
				"till//2016-10-30/3 2016-10-30T09:58:00Z" + plain + "1×tea@2.40=0.00 total 0.00",
			},
		},
		"the same item at another price is another line": {
			"qty,unit_price," + header + "2,3.00,2016-10-30,9:58,1,Tea\n1,2.00,2016-10-30,9:58,1,Tea\n100,3,2016-10-30,9:58,1,Tea\n",
			[]string{"till//2016-10-30/1 2016-10-30T09:58:00Z" + plain + "102×tea@3.00=306.00 1×tea@2.00=2.00 total 308.00"},
		},
		"a quantity as spreadsheets write it": {
			"qty,unit_price," + header + "2.0,3.00,2016-10-30,9:58,1,Tea\n",
			[]string{"till//2016-10-30/1 2016-10-30T09:58:00Z" + plain + "2×tea@3.00=6.00 total 6.00"},
		},
		"the largest amounts do not overflow": {
			"qty,unit_price," + header + strings.Repeat("100,1000000,2016-10-30,9:58,1,Tea\n", 1000),
			[]string{"till//2016-10-30/1 2016-10-30T09:58:00Z" + plain + "100000×tea@1000000.00=100000000000.00 total 100000000000.00"},
		},
		"an item by SKU, by name, by retired name, with spaces about": {
			header + "2016-10-30,9:58,1,cake\n2016-10-30,9:58,1,LEMON  drizzle\n2016-10-30,9:58,1, Retired \n",
			[]string{"till//2016-10-30/1 2016-10-30T09:58:00Z" + plain + "2×cake@3.40=6.80 1×old@1.00=1.00 total 7.80"},
		},
		"BOM, CRLF, a quoted line break, empty lines and cells beyond the header": {
			"\xef\xbb\xbf\"Date\",Time,Transaction,Item,\"No\nte\"\r\n\r\n2016-10-30,9:58,1,\"Tea\",\"two\r\nlines\"\r\n\r\n2016-10-30,9:58,2,Tea,,,\r\n",
			[]string{
				"till//2016-10-30/1 2016-10-30T09:58:00Z" + plain + "1×tea@2.40=2.40 total 2.40",
				"till//2016-10-30/2 2016-10-30T09:58:00Z" + plain + "1×tea@2.40=2.40 total 2.40",
			},
		},
		"what is not UTF-8 or a formula matters only where it counts": {
			"Note," + header + "caf\xe9,2016-10-30,9:58,1,Tea\n=cmd|'/C calc'!A0,2016-10-30,9:58,1,Tea\n\x00,2016-10-30,9:58,1,Tea\n",
			[]string{"till//2016-10-30/1 2016-10-30T09:58:00Z" + plain + "3×tea@2.40=7.20 total 7.20"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := mustImport(t, c.text, rules(t))
			if len(o.problems) > 0 || o.skipped > 0 || o.rejects != "" {
				t.Fatalf("problems %q, skipped %d, rejects %q", o.problems, o.skipped, o.rejects)
			}
			if got := showAll(o.orders); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestRowsThatAreNoSaleAreSkippedAndCounted(t *testing.T) {
	o := mustImport(t, header+"2016-10-30,9:58,1,NONE\n2016-10-30,9:58,2,none\n2016-10-30,9:58,2,Tea\nnever,,,Adjustment\n,,,\n, ,\t,\n", rules(t))
	if len(o.orders) != 1 || o.skipped != 5 || o.rows != 6 || len(o.problems) != 0 {
		t.Errorf("%d orders, %d of %d rows skipped, %q", len(o.orders), o.skipped, o.rows, o.problems)
	}
}

func TestOneBadRow(t *testing.T) {
	const columns = "outlet,customer_id,Payment,Status,Qty,Unit Price,Amount,Date,Time,Order,Item\n"
	const names = ",,,,,,,2016-10-30,9:58:11,7,Tea"
	for name, c := range map[string]struct{ row, want string }{
		"unknown item":                {",,,,,,,2016-10-30,9:58:11,7,Gold", `Item: "Gold" is no SKU and no name on the menu`},
		"a formula for an item":       {",,,,,,,2016-10-30,9:58:11,7,=cmd|'/C calc'!A0", `Item: "=cmd|'/C calc'!A0" is no SKU and no name on the menu`},
		"no item":                     {",,,,,,,2016-10-30,9:58:11,7,", "Item: is empty"},
		"long item":                   {",,,,,,,2016-10-30,9:58:11,7," + strings.Repeat("é", 50), `Item: "` + strings.Repeat("é", 40) + `…" is no SKU and no name on the menu`},
		"item not UTF-8":              {",,,,,,,2016-10-30,9:58:11,7,caf\xe9", "Item: is not UTF-8 text; save the file as CSV UTF-8"},
		"NUL in a cell":               {",,,,,,,2016-10-30,9:58:11,7,T\x00a", "Item: has a NUL character in it"},
		"no time":                     {",,,,,,,2016-10-30,,7,Tea", "Time: is empty"},
		"hour 25":                     {",,,,,,,2016-10-30,25:00,7,Tea", `Time: "25:00" is not a time of day such as 09:58:11`},
		"quantity 0":                  {",,,,0,,,2016-10-30,9:58:11,7,Tea", `Qty: "0" is not a quantity such as 2 or 0.25, and at most 100000`},
		"quantity huge":               {",,,,99999999999999999999,,,2016-10-30,9:58:11,7,Tea", `Qty: "99999999999999999999" is not a quantity such as 2 or 0.25, and at most 100000`},
		"quantity 100001":             {",,,,100001,,,2016-10-30,9:58:11,7,Tea", `Qty: "100001" is not a quantity such as 2 or 0.25, and at most 100000`},
		"price with three decimals":   {",,,,,2.405,,2016-10-30,9:58:11,7,Tea", `Unit Price: "2.405" has more decimals than an amount of money has`},
		"price with which comma":      {",,,,,\"2,405\",,2016-10-30,9:58:11,7,Tea", `Unit Price: "2,405" could have a comma of thousands or of decimals; write it without the one of thousands`},
		"price that is no number":     {",,,,,2.4O,,2016-10-30,9:58:11,7,Tea", `Unit Price: "2.4O" is not an amount such as 4.20`},
		"price too high":              {",,,,,1000000.01,,2016-10-30,9:58:11,7,Tea", `Unit Price: "1000000.01" is more than 1000000.00`},
		"price beyond 64 bits":        {",,,,,99999999999999999999,,2016-10-30,9:58:11,7,Tea", `Unit Price: "99999999999999999999" is more than 1000000.00`},
		"amount too low":              {",,,,,,-100000001,2016-10-30,9:58:11,7,Tea", `Amount: "-100000001" is more than 100000000.00`},
		"amount NaN":                  {",,,,,,NaN,2016-10-30,9:58:11,7,Tea", `Amount: "NaN" is not an amount such as 4.20`},
		"another customer":            {",bob,,,,,,2016-10-30,9:58:11,7,Tea", `customer_id: "bob" is not what line 2 of the same order says`},
		"payment":                     {",,unpaid,,,,,2016-10-30,9:58:11,7,Tea", `Payment: "unpaid" is not account, counter or a tender such as cash`},
		"another payment":             {",,counter,,,,,2016-10-30,9:58:11,7,Tea", `Payment: "counter" is not what line 2 of the same order says`},
		"status":                      {",,,open,,,,2016-10-30,9:58:11,7,Tea", `Status: "open" is not one of placed, preparing, ready, collected, cancelled, refunded, nor a word such as closed or void`},
		"another status":              {",,,refunded,,,,2016-10-30,9:58:11,7,Tea", `Status: "refunded" is not what line 2 of the same order says`},
		"a cell too few":              {",,,,,,,2016-10-30,9:58:11,7", "the row has 10 cells and the header has 11"},
		"a cell too many":             {names + ",x", "the row has 12 cells and the header has 11"},
		"quotation mark not closed":   {",,,,,,,2016-10-30,9:58:11,7,\"Tea", "the row has a quotation mark that is not closed again"},
		"quotation mark in the wrong": {",,,,,,,2016-10-30,9:58:11,7,5\" \"tea", "the row has a quotation mark in the wrong place"},
	} {
		t.Run(name, func(t *testing.T) {
			good := ",alice,account,ready,,,,2016-10-30,9:58:11,7,Tea\n"
			other := ",,,,,,,2016-10-30,9:58:11,8,Tea\n"
			o := mustImport(t, columns+good+other+c.row+"\n"+other, rules(t))
			if want := []string{"4 " + c.want}; !slices.Equal(o.problems, want) {
				t.Errorf("got  %q\nwant %q", o.problems, want)
			}
			if len(o.orders) != 1 || o.orders[0].ID != "8" || len(o.orders[0].Rows) != 2 {
				t.Errorf("the good order is not there: %v", showAll(o.orders))
			}
			if len(o.rejected) != 1 || len(o.rejected[0].Rows) != 2 || o.rejected[0].Identity != (Identity{Source: "till", Date: "2016-10-30", ID: "7"}) {
				t.Errorf("the order was not rejected whole: %+v", o.rejected)
			}
			if len(o.rejected) == 0 {
				return
			}
			if printed := o.rejected[0].Fingerprint != ""; printed != strings.Contains(c.want, "on the menu") {
				t.Errorf("fingerprint %q", o.rejected[0].Fingerprint)
			}
		})
	}
}

func TestOneBadRowThatCannotBeToldToBelongToAnOrder(t *testing.T) {
	for name, c := range map[string]struct{ row, want string }{
		"no order id":      {"2016-10-30,9:58:11,,Tea", "Order: is empty"},
		"bell in order id": {"2016-10-30,9:58:11,7\a,Tea", `Order: "7\a" is longer than 64 characters or has control characters in it`},
		"long order id":    {"2016-10-30,9:58:11," + strings.Repeat("7", 65) + ",Tea", `Order: "` + strings.Repeat("7", 40) + `…" is longer than 64 characters or has control characters in it`},
		"endless order id": {"2016-10-30,9:58:11," + strings.Repeat("7", 2000) + ",Tea", `Order: "` + strings.Repeat("7", 40) + `…" is longer than 64 characters or has control characters in it`},
		"NUL in order id":  {"2016-10-30,9:58:11,7\x00,Tea", "Order: has a NUL character in it"},
		"control outlet":   {"2016-10-30,9:58:11,7,Tea,a\x1bb", `outlet: "a\x1bb" is longer than 64 characters or has control characters in it`},
		"no date at all":   {",9:58:11,9,Tea", "Date: is empty"},
		"wrong date":       {"03/10/2016,9:58:11,9,Tea", `Date: "03/10/2016" could have the day or the month first; set CAFE_DATE_ORDER, or write it as 2016-10-30`},
	} {
		t.Run(name, func(t *testing.T) {
			row := c.row
			if strings.Count(row, ",") == 3 {
				row += ","
			}
			o := mustImport(t, "Date,Time,Order,Item,outlet\n2016-10-30,9:58:11,7,Tea,\n"+row+"\n2016-10-30,9:58:11,8,Tea,\n", rules(t))
			if want := []string{"3 " + c.want}; !slices.Equal(o.problems, want) {
				t.Errorf("got  %q\nwant %q", o.problems, want)
			}
			if len(o.orders) != 2 || len(o.rejected) != 1 {
				t.Errorf("%d orders and %d rejected", len(o.orders), len(o.rejected))
			}
		})
	}
}

func TestRowsWithIDsThatCannotBeOneStandAlone(t *testing.T) {
	for _, id := range []string{"7\x00", strings.Repeat("7", 2000), ""} {
		row := "2016-10-30,9:58:11," + id + ",Tea\n"
		o := mustImport(t, header+row+row, rules(t))
		if len(o.rejected) != 2 || o.rejected[0].Identity != (Identity{Source: "till"}) {
			t.Errorf("%.10q: %d rejected, %.50q", id, len(o.rejected), o.rejected[0].ID)
		}
	}
}

func TestARowWithoutADateCostsItsOwnOrderAndNoOther(t *testing.T) {
	const first, second, bad, other = "2016-10-30,9:58,7,Tea\n", "2016-10-31,9:58,7,Tea\n", "20161301,9:58,7,Bread\n", "2016-10-30,9:58,8,Tea\n"
	for name, c := range map[string]struct {
		text     string
		rejected []string // date and number of rows
		good     []string // day and id
	}{
		"after a row of its order":               {first + bad + second, []string{"2016-10-30 2"}, []string{"31/7"}},
		"before a row of its order":              {first + other + bad + second, []string{"2016-10-31 2"}, []string{"30/7", "30/8"}},
		"several in a row":                       {bad + bad + first + other + second, []string{"2016-10-30 3"}, []string{"30/8", "31/7"}},
		"far from its order, the only one":       {first + other + bad + other, []string{"2016-10-30 2"}, []string{"30/8"}},
		"before its order, the only one":         {bad + other + first, []string{"2016-10-30 2"}, []string{"30/8"}},
		"far from two orders with its id":        {first + other + bad + other + second, []string{" 1"}, []string{"30/7", "30/8", "31/7"}},
		"with no other row of its id":            {bad + other, []string{" 1"}, []string{"30/8"}},
		"last of the file":                       {other + first + bad, []string{"2016-10-30 2"}, []string{"30/8"}},
		"more than are held back for a neighbor": {strings.Repeat(bad, 3*maxWaiting) + first, []string{"2016-10-30 301"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			o := mustImport(t, header+c.text, rules(t))
			var rejected []string
			for _, r := range o.rejected {
				rejected = append(rejected, fmt.Sprintf("%s %d", r.Date, len(r.Rows)))
			}
			if !slices.Equal(rejected, c.rejected) {
				t.Errorf("rejected %q, want %q", rejected, c.rejected)
			}
			var good []string
			for _, o := range o.orders {
				good = append(good, o.Date[8:]+"/"+o.ID)
			}
			slices.Sort(good)
			if !slices.Equal(good, c.good) {
				t.Errorf("good are %q, want %q", good, c.good)
			}
		})
	}
}

func TestAnOrderWithEndlessRowsIsRejectedInBoundedMemory(t *testing.T) {
	text := header + strings.Repeat("2016-10-30,9:58,7,Tea\n", 3*maxEntryRows) + "2016-10-30,9:58,8,Tea\n"
	o := mustImport(t, text, rules(t))
	if len(o.orders) != 1 || len(o.rejected) != 1 || len(o.rejected[0].Rows) != maxEntryRows {
		t.Fatalf("%d orders, %d rejected", len(o.orders), len(o.rejected))
	}
	want := "has more rows than the 1000, or more text than the 1 MiB, that an import takes for one"
	if !slices.Equal(o.problems, []string{"2 " + want}) {
		t.Errorf("got %q", o.problems)
	}
	if n := strings.Count(o.rejects, "goes with line 2: "+want); n != 3*maxEntryRows-1 {
		t.Errorf("%d rows go with line 2", n)
	}
	var undated strings.Builder
	undated.WriteString(header + "2016-10-30,9:58,7,Tea\n")
	for i := range 2 * maxEntryRows {
		fmt.Fprintf(&undated, "2016-10-30,9:58,other%d,Tea\nx,9:58,7,Tea\n", i)
	}
	o = mustImport(t, undated.String(), rules(t))
	if len(o.orders) != 2*maxEntryRows || len(o.rejected) != 1 || !slices.Contains(o.problems, "2 "+want) {
		t.Errorf("without dates: %d orders, %d rejected, %q", len(o.orders), len(o.rejected), o.problems[:3])
	}
	wide := header + strings.Repeat("2016-10-30,9:58,7,\""+strings.Repeat("x", sheet.MaxRow/2)+"\"\n", 100)
	if o = mustImport(t, wide, rules(t)); len(o.rejected) != 1 || len(o.rejected[0].Rows) > 2*maxEntryBytes/sheet.MaxRow {
		t.Errorf("%d rows of 32 KiB are held for one order", len(o.rejected[0].Rows))
	}
}

func TestProblemsAreTheFirstHundredByLine(t *testing.T) {
	var text strings.Builder
	text.WriteString(header)
	for i := range 300 {
		fmt.Fprintf(&text, "2016-10-30,9:58,%d,Gold\n", 999-i)
	}
	o := mustImport(t, text.String(), rules(t))
	if len(o.problems) != MaxProblems || !strings.HasPrefix(o.problems[0], "2 ") || !strings.HasPrefix(o.problems[99], "101 ") {
		t.Errorf("%d problems: %q", len(o.problems), o.problems)
	}
}

func TestFingerprint(t *testing.T) {
	const columns = "Date,Time,Order,Item,qty,unit_price,amount,customer_id,payment,status,note\n"
	const base = "2016-10-30,09:58:11,7,Tea,,,,,,,\n2016-10-30,09:58:11,7,Bread,2,4.20,,,,,\n"
	print := func(t *testing.T, text string, rules Rules) string {
		t.Helper()
		o := mustImport(t, text, rules)
		if len(o.orders) != 1 {
			t.Fatalf("%d orders, %q", len(o.orders), o.problems)
		}
		return o.orders[0].Fingerprint
	}
	want := print(t, columns+base, rules(t))
	if want != "K3BHBMON7KTSITD63DCPU6OFL4" {
		t.Errorf("the fingerprint is %s: orders imported so far would all count as changed", want)
	}
	for name, text := range map[string]string{
		"rows in another order":  columns + "2016-10-30,09:58:11,7,Bread,2,4.20,,,,,\n2016-10-30,09:58:11,7,Tea,,,,,,,\n",
		"CRLF":                   strings.ReplaceAll(columns+base, "\n", "\r\n"),
		"gzip and BOM":           gzipped(t, "\xef\xbb\xbf"+columns+base),
		"quotes":                 columns + strings.ReplaceAll(base, "Tea", `"Tea"`),
		"case and spaces":        columns + strings.ReplaceAll(base, "Tea", " TEA "),
		"time without its zero":  columns + strings.ReplaceAll(base, "09:58:11", "9:58:11"),
		"time with half of day":  columns + strings.ReplaceAll(base, "09:58:11", "9:58:11 AM"),
		"date another way":       columns + strings.ReplaceAll(base, "2016-10-30", "30 Oct 2016"),
		"price another way":      columns + strings.ReplaceAll(base, "4.20", "4.2"),
		"defaults written out":   columns + "2016-10-30,09:58:11,7,Tea,1,,,0,counter,collected,\n2016-10-30,09:58:11,7,Bread,2,4.20,,,,,\n",
		"a note":                 columns + strings.ReplaceAll(base, "Tea,,,,,,,", "Tea,,,,,,,hot"),
		"a row that is no sale":  columns + base + "2016-10-30,09:58:11,7,NONE,,,,,,,\n",
		"another order about it": columns + base + "2016-10-30,09:58:11,8,NONE,,,,,,,\n",
	} {
		if got := print(t, text, rules(t)); got != want {
			t.Errorf("%s: another fingerprint", name)
		}
	}
	for name, text := range map[string]string{
		"another item":     columns + strings.ReplaceAll(base, "Tea", "Coffee"),
		"another quantity": columns + strings.ReplaceAll(base, ",2,", ",3,"),
		"another price":    columns + strings.ReplaceAll(base, "4.20", "4.30"),
		"an amount":        columns + strings.ReplaceAll(base, "4.20,", "4.20,8.00"),
		"another time":     columns + strings.Replace(base, "09:58:11", "09:58:12", 1),
		"an offset":        columns + strings.ReplaceAll(base, "09:58:11", "09:58:11Z"),
		"a customer":       columns + "2016-10-30,09:58:11,7,Tea,,,,alice,counter,,\n2016-10-30,09:58:11,7,Bread,2,4.20,,,,,\n",
		"a status":         columns + "2016-10-30,09:58:11,7,Tea,,,,,,refunded,\n2016-10-30,09:58:11,7,Bread,2,4.20,,,,,\n",
		"one row more":     columns + base + "2016-10-30,09:58:11,7,Tea,,,,,,,\n",
		"one row less":     columns + "2016-10-30,09:58:11,7,Tea,,,,,,,\n",
	} {
		if got := print(t, text, rules(t)); got == want || len(got) != 26 {
			t.Errorf("%s: the same fingerprint %s", name, got)
		}
	}

	later := rules(t)
	later.Calendar.Zone, later.Ignore = time.UTC, nil
	later.Menu = model.Menu{"tea2": {SKU: "tea2", Name: "Tea", Price: 999}, "bread": {SKU: "bread", Name: "Loaf", Price: 1}}
	if got := print(t, columns+base, later); got != want {
		t.Error("another fingerprint once the menu has changed")
	}
	delete(later.Menu, "tea2")
	if o := mustImport(t, columns+base, later); len(o.rejected) != 1 || o.rejected[0].Fingerprint != want {
		t.Error("another fingerprint once an item has gone from the menu")
	}
}

func TestIdentityMakesOneIDForOneOrder(t *testing.T) {
	seen := make(map[string]Identity)
	for _, i := range []Identity{
		{"till", "", "2016-10-30", "1", "", 0}, {"till", "", "2016-10-30", "1", "", 1}, {"till", "", "2016-10-30", "1", "", 11}, {"till", "", "2016-10-30", "1", "again", 0}, {"till", "", "2016-10-30", "1", "16:40:00", 1}, {"till", "1", "2016-10-30", "1", "", 0}, {"till", "", "2016-10-31", "1", "", 0}, {"till", "", "2016-10-30", "11", "", 0},
		{"till2", "", "2016-10-30", "1", "", 0}, {"till", "2", "2016-10-30", "1", "", 0}, {"till2016-10-30", "", "", "1", "", 0},
	} {
		id := i.OrderID()
		if other, ok := seen[id]; ok || !model.ValidID(id) {
			t.Errorf("%v and %v are %s", i, other, id)
		}
		seen[id] = i
	}
	if id := (Identity{Source: "till", Date: "2016-10-30", ID: "1"}).OrderID(); id != "EM6UKVM74D1544B93LF50N5ESS" {
		t.Errorf("the id is %s: orders imported so far would all go in again", id)
	}
}

// Cases 50 and 52.
func TestRejectsMendedGoIn(t *testing.T) {
	text := "note," + header +
		"=1+1,2016-10-30,9:58,1,Gold\n" +
		"\"a \"\"b\"\",\nc\",2016-10-30,9:58,2,Tea\n" +
		"@x,2016-10-30,9:58,1,Bread\n" +
		"'=y,2016-10-30,9:58,3,5\" cake\n" +
		"-4.20,2016-10-30,9:58,4,Tea,extra\n" +
		"+44 20,2016-10-30,9:58,5\n"
	want := "note,Date,Time,Transaction,Item,reason\n" +
		"'=1+1,2016-10-30,9:58,1,Gold,\"Item: \"\"Gold\"\" is no SKU and no name on the menu\"\n" +
		"'@x,2016-10-30,9:58,1,Bread,\"goes with line 2: Item: \"\"Gold\"\" is no SKU and no name on the menu\"\n" +
		"''=y,2016-10-30,9:58,3,\"5\"\" cake\",the row has a quotation mark that is not closed again\n" +
		"-4.20,2016-10-30,9:58,4,Tea,the row has 6 cells and the header has 5,extra\n" +
		"'+44 20,2016-10-30,9:58,5,,the row has 4 cells and the header has 5\n"
	for _, mark := range []string{"", "\xef\xbb\xbf"} {
		o := mustImport(t, mark+text, rules(t))
		if o.rejects != mark+want {
			t.Fatalf("rejects are\n%s\nwant\n%s", o.rejects, mark+want)
		}
		if again := mustImport(t, o.rejects, rules(t)); len(again.orders) != 0 {
			t.Errorf("unmended, %q went in", showAll(again.orders))
		} else if !strings.Contains(again.rejects, "'=1+1,") || strings.Contains(again.rejects, "''=1+1,") || strings.Count(again.rejects, "reason") != 1 {
			t.Errorf("a second rejects file piles up:\n%s", again.rejects)
		}
		mended := strings.NewReplacer("Gold,", "Cake,", "\"5\"\" cake\"", "cake", ",extra", "", "9:58,5,,", "9:58,5,Tea,").Replace(o.rejects)
		again := mustImport(t, mended, rules(t))
		if len(again.orders) != 4 || len(again.rejected) != 0 {
			t.Fatalf("mended, %d orders go in and %q do not", len(again.orders), again.problems)
		}
		never := mustImport(t, strings.NewReplacer("Gold", "Cake", "5\" cake", "cake", ",extra", "", "9:58,5\n", "9:58,5,Tea\n").Replace(mark+text), rules(t))
		var cells [2][][]string
		for i, orders := range [][]Order{again.orders, never.orders} {
			for _, o := range orders {
				for _, r := range o.Rows {
					if r.Cells[3] != "2" { // never was in the rejects
						cells[i] = append(cells[i], r.Cells)
					}
				}
			}
		}
		if !reflect.DeepEqual(cells[0], cells[1]) {
			t.Errorf("mended rejects read\n%q, the mended file\n%q", cells[0], cells[1])
		}
	}
}

func TestTheCallersReasonIsInTheRejects(t *testing.T) {
	f, err := ReadOrders(t.Context(), strings.NewReader(header+"2016-10-30,9:58,1,Tea\n2016-10-30,9:58,1,Bread\n"), rules(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for o, err := range f.All() {
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Reject(o.Entry, "was imported before with other rows"); err != nil {
			t.Fatal(err)
		}
	}
	var text strings.Builder
	if n, err := f.WriteRejects(&text); n != 2 || err != nil {
		t.Errorf("%d rows, %v", n, err)
	}
	want := "Date,Time,Transaction,Item,reason\n2016-10-30,9:58,1,Tea,was imported before with other rows\n" +
		"2016-10-30,9:58,1,Bread,goes with line 2: was imported before with other rows\n"
	if text.String() != want {
		t.Errorf("got\n%s", text.String())
	}
	if got := f.Problems(); !slices.Equal(got, []Problem{{Line: 2, Reason: "was imported before with other rows"}}) {
		t.Errorf("problems %v", got)
	}
}

func TestRejectsFromManyWorkers(t *testing.T) {
	var text strings.Builder
	text.WriteString(header)
	for i := range 2 * maxEntryRows {
		fmt.Fprintf(&text, "2016-10-30,9:58,%d,Tea\n2016-10-30,9:58,last,Tea\n", i)
	}
	f, err := ReadOrders(t.Context(), strings.NewReader(text.String()), rules(t))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var workers sync.WaitGroup
	for o, err := range f.All() {
		if err != nil {
			t.Fatal(err)
		}
		workers.Go(func() {
			if err := f.Reject(o.Entry, "late"); err != nil {
				t.Error(err)
			}
		})
	}
	workers.Wait()
	var out strings.Builder
	if n, err := f.WriteRejects(&out); n != f.Rows() || err != nil || n != strings.Count(text.String(), "\n")-1 {
		t.Errorf("%d of %d rows, %v", n, f.Rows(), err)
	}
	rest := out.String()
	for row := range strings.Lines(text.String()) {
		if !strings.HasPrefix(rest, strings.TrimSuffix(row, "\n")+",") {
			t.Fatalf("want the row %q at %.80q", row, rest)
		}
		_, rest, _ = strings.Cut(rest, "\n")
	}
}
