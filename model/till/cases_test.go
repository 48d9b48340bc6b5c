package till

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"cafe/model"
	"cafe/model/till/sheet"
)

// caseMenu is the menu of the cases: coffee and cake of a café that never was.
var caseMenu = model.Menu{
	"fw":      {SKU: "fw", Name: "Flat white", Price: 320, Active: true},
	"esp":     {SKU: "esp", Name: "Espresso", Price: 240, Active: true},
	"croi":    {SKU: "croi", Name: "Croissant", Price: 260, Counted: true, Active: true},
	"cake":    {SKU: "cake", Name: "Carrot cake", Price: 380, Counted: true, Active: true},
	"jau":     {SKU: "jau", Name: "Jäger Kuchen", Price: 350, Counted: true, Active: true},
	"cb":      {SKU: "cb", Name: "Crème brûlée", Price: 450, Counted: true, Active: true},
	"latte":   {SKU: "latte", Name: "Latte", Price: 350, Active: true},
	"brownie": {SKU: "brownie", Name: "Brownie", Price: 290, Counted: true, Active: true},
}

// read imports a file of the cases and shows its orders, short and by id.
func read(t *testing.T, text string, change func(*Rules)) (orders []string, problems []string, s model.FileSummary) {
	t.Helper()
	rules := rules(t)
	rules.Menu, rules.Calendar.Cutoff = caseMenu, 4*time.Hour
	if change != nil {
		change(&rules)
	}
	f, err := ReadOrders(t.Context(), strings.NewReader(text), rules)
	if err != nil {
		return nil, []string{err.Error()}, s
	}
	defer f.Close()
	for o, err := range f.All() {
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Problems) > 0 {
			if err := f.Reject(o.Entry, ""); err != nil {
				t.Fatal(err)
			}
			continue
		}
		var sum model.Money
		for _, l := range o.Lines {
			sum += l.Total
		}
		if sum != o.Total {
			t.Errorf("order %s: the lines are %s, the total is %s", o.ID, sum.Major("GBP"), o.Total.Major("GBP"))
		}
		orders = append(orders, fmt.Sprintf("%s %s %s %s %s", o.ID, o.PlacedAt.Format("2006-01-02T15:04"), o.Total.Major("GBP"), o.Payment, o.Status))
	}
	for _, p := range f.Problems() {
		problems = append(problems, fmt.Sprintf("%d %s", p.Line, p))
	}
	slices.Sort(orders)
	return orders, problems, f.Summary()
}

const three = "1001,2026-10-05,08:15,Flat white,2,3.20\n1001,2026-10-05,08:15,Croissant,1,2.60\n1002,2026-10-05,09:00,Espresso,1,2.40\n"

const square = "Date,Time,Time Zone,Category,Item,Qty,Price Point Name,SKU,Modifiers Applied,Gross Sales,Discounts,Net Sales,Tax,Transaction ID," +
	"Payment ID,Device Name,Notes,Details,Event Type,Location,Dining Option,Customer ID,Customer Name,Customer Reference ID,Unit,Count,Itemization Type\n"

// Small inputs in the shapes that tills write, each of which once went wrong.
func TestFilesOfRealShapes(t *testing.T) {
	const head = "order_id,date,time,item,quantity,unit_price\n"
	const german = "1001;05.10.2026;08:15;Jäger Kuchen;2;3,50;7,00\n1001;05.10.2026;08:15;Espresso;1;2,40;2,40\n1002;05.10.2026;09:00;Crème brûlée;1;4,50;4,50\n"
	const germanHead = "order_id;date;time;item;quantity;unit_price;amount\n"
	quoted := strings.NewReplacer(";3,50;7,00", `,"3,50","7,00"`, ";2,40;2,40", `,"2,40","2,40"`, ";4,50;4,50", `,"4,50","4,50"`, ";", ",")
	utf16le := func(text string) string {
		var b strings.Builder
		for _, u := range utf16.Encode([]rune(text)) {
			b.Write([]byte{byte(u), byte(u >> 8)})
		}
		return b.String()
	}
	dayFirst := func(r *Rules) { r.Dates = DayFirst }
	account := func(r *Rules) { r.Payment = model.TermsAccount }
	plain := []string{"1001 2026-10-05T07:15 9.00 counter collected", "1002 2026-10-05T08:00 2.40 counter collected"}
	baked := []string{"1001 2026-10-05T07:15 9.40 counter collected", "1002 2026-10-05T08:00 4.50 counter collected"}
	rename := func(ids ...string) string {
		return head + strings.NewReplacer("1001", ids[0], "1002", ids[1]).Replace(three)
	}
	row := strings.NewReplacer

	for name, c := range map[string]struct {
		text     string
		change   func(*Rules)
		want     []string
		revenue  string
		notes    []string // parts of them
		problems []string // parts of them, in order
	}{
		"cr-only":         {text: strings.ReplaceAll(head+three, "\n", "\r"), want: plain, revenue: "11.40"},
		"price-not-known": {text: strings.Replace(head, "unit_price", "Price", 1) + strings.Replace(three, "3.20", "4.00", 1), want: plain, revenue: "11.40", notes: []string{"prices are the menu's, since no column holds any that was read", `not read: "Price"`}},
		"square-salesonly": {
			text: strings.Replace(square, "SKU,", "", 1) +
				"2026-10-05,08:15:10,Eastern Time (US & Canada),Coffee,Flat white,2.0,Large,,$8.00,$0.00,$8.00,$0.64,TxAAA1,PayA1,iPad,,,Payment,Main St,,,,,,2,Physical Good\n" +
				"2026-10-05,08:15:10,Eastern Time (US & Canada),Bakery,Croissant,1.0,Regular,,$2.60,-$0.60,$2.00,$0.00,TxAAA1,PayA1,iPad,,,Payment,Main St,,,,,,1,Physical Good\n" +
				"2026-10-05,09:00:00,Eastern Time (US & Canada),Coffee,Espresso,1.0,Regular,,$2.40,$0.00,$2.40,$0.19,TxAAA2,PayA2,iPad,,,Payment,Main St,,CUSTX0001,,,,1,Physical Good\n",
			want: []string{"TxAAA1 2026-10-05T07:15 10.00 counter collected", "TxAAA2 2026-10-05T08:00 2.40 counter collected"}, revenue: "12.40",
			notes: []string{"amounts are marked $", `"Discounts" changes no total`, `"Tax", 0.83 in all, changes no total`, "an order names a customer and no payment"},
		},
		"square-items": {
			text: square +
				"2026-10-05,08:15:10,Eastern Time (US & Canada),Coffee,Flat white,2.0,Large,,,$8.00,$0.00,$8.00,$0.64,TxAAA1,PayA1,iPad,,,Payment,Main St,,,,,,2,Physical Good\n" +
				"2026-10-05,08:15:10,Eastern Time (US & Canada),Bakery,Croissant,1.0,Regular,,,$2.60,-$0.60,$2.00,$0.00,TxAAA1,PayA1,iPad,,,Payment,Main St,,,,,,1,Physical Good\n" +
				"2026-10-05,09:00:00,Eastern Time (US & Canada),Coffee,Espresso,1.0,Regular,,,$2.40,$0.00,$2.40,$0.19,TxAAA2,PayA2,iPad,,,Payment,Main St,,CUSTX0001,,,,1,Physical Good\n" +
				"2026-10-05,10:30:00,Eastern Time (US & Canada),Coffee,Espresso,-1.0,Regular,,,-$2.40,$0.00,-$2.40,-$0.19,TxAAA3,PayA3,iPad,,,Refund,Main St,,CUSTX0001,,,,-1,Physical Good\n",
			want:    []string{"TxAAA1 2026-10-05T07:15 10.00 counter collected", "TxAAA2 2026-10-05T08:00 2.40 counter collected", "TxAAA3 2026-10-05T09:30 -2.40 counter collected"},
			revenue: "10.00", notes: []string{"an order gives back 2.40"},
		},
		"void-column": {
			text: "order_id,ordered_at,item,quantity,amount,Void?\n1,2026-10-05 08:14,Latte,2,7.00,false\n2,2026-10-05 09:14,Brownie,1,2.90,true\n",
			want: []string{"1 2026-10-05T07:14 7.00 counter collected"}, revenue: "7.00", notes: []string{"a row is void and was not sold; its amount is 2.90"},
		},
		"refund-event": {
			text: "order_id,date,time,item,quantity,Net Sales,Event Type\n1,2026-10-05,08:14,Latte,2,7.00,Payment\n2,2026-10-05,09:14,Latte,1,-3.50,Refund\n",
			want: []string{"1 2026-10-05T07:14 7.00 counter collected", "2 2026-10-05T08:14 -3.50 counter collected"}, revenue: "3.50", notes: []string{"an order gives back 3.50"},
		},
		"a refund whose amount has no sign": {
			text: "order_id,date,time,item,quantity,Net Sales,Event Type\n2,2026-10-05,09:14,Latte,1,3.50,Refund\n",
			want: []string{"2 2026-10-05T08:14 -3.50 counter collected"}, revenue: "-3.50",
		},
		"refund-neg": {
			text: head + "1001,2026-10-05,08:15,Flat white,2,3.20\n1003,2026-10-05,10:00,Espresso,-1,2.40\n",
			want: []string{"1001 2026-10-05T07:15 6.40 counter collected", "1003 2026-10-05T09:00 -2.40 counter collected"}, revenue: "4.00",
		},
		"discount-row": {
			text: "order_id,date,time,item,quantity,unit_price,amount\n1001,2026-10-05,08:15,Flat white,2,3.20,6.40\n1001,2026-10-05,08:15,Croissant,1,2.60,2.60\n" +
				"1002,2026-10-05,09:00,Espresso,1,2.40,2.40\n1001,2026-10-05,08:15,Discount,1,,-1.00\n",
			want:    []string{"1001 2026-10-05T07:15 8.00 counter collected", "1002 2026-10-05T08:00 2.40 counter collected"},
			revenue: "10.40", notes: []string{"a negative row is no item of the menu, and was read as a discount of its order"},
		},
		"hash-ids":     {text: rename("#1001", "#1002"), want: []string{"#" + plain[0], "#" + plain[1]}, revenue: "11.40"},
		"odoo-ids":     {text: rename("Order 00591-006-0018", "Order 00591-006-0019"), want: []string{"Order 00591-006-0018" + plain[0][4:], "Order 00591-006-0019" + plain[1][4:]}, revenue: "11.40"},
		"payment-card": {text: head[:len(head)-1] + ",payment\n" + row("0\n", "0,Card\n").Replace(three), want: plain, revenue: "11.40"},
		"status-closed": {
			text: head[:len(head)-1] + ",status\n" + row("3.20\n", "3.20,Closed\n", "2.60\n", "2.60,Closed\n", "2.40\n", "2.40,Completed\n").Replace(three),
			want: plain, revenue: "11.40",
		},
		"loyverse-renamed": {
			text: "ordered_at,receipt,Receipt type,Category,SKU,Item,Variant,Modifiers applied,Quantity,Gross sales,Discounts,amount,Cost of goods,Gross profit,Taxes,POS,Store,Cashier name,Customer name,Customer contacts,Comment,Status\n" +
				"05/10/2026 08:15,1-1001,Sale,Coffee,10001,Flat white,,,2.000,6.40,0.00,6.40,1.00,5.40,0.00,POS 1,Main,A,,,,Closed\n" +
				"05/10/2026 08:15,1-1001,Sale,Bakery,10002,Croissant,,,1.000,2.60,0.60,2.00,0.50,1.50,0.00,POS 1,Main,A,,,,Closed\n" +
				"05/10/2026 09:00,2-1001,Sale,Coffee,10003,Espresso,,,1.000,2.40,0.00,2.40,0.20,2.20,0.00,POS 2,Main,A,,,,Closed\n",
			change: dayFirst, want: []string{"1-1001 2026-10-05T07:15 8.40 counter collected", "2-1001 2026-10-05T08:00 2.40 counter collected"}, revenue: "10.80",
		},
		"price-with-amount": {
			text: "order_id,ordered_at,item,quantity,unit_price,amount\n9,2026-10-05 10:00,Flat white,14,1.0425,14.60\n10,2026-10-05 10:05,Flat white,3,3.333333,10.00\n",
			want: []string{"10 2026-10-05T09:05 10.00 counter collected", "9 2026-10-05T09:00 14.60 counter collected"}, revenue: "24.60",
		},
		"dup-receipt-two-tills": {
			text: "receipt,date,time,item,quantity,unit_price,register\n17,2026-10-05,08:15,Flat white,1,3.20,1\n17,2026-10-05,08:15,Croissant,1,2.60,1\n17,2026-10-05,16:40,Espresso,1,2.40,2\n",
			want: []string{"17 2026-10-05T07:15 5.80 counter collected", "17 2026-10-05T15:40 2.40 counter collected"}, revenue: "8.20",
			notes: []string{`an order id stands for sales more than an hour apart, each taken as an order: "17" on 2026-10-05`},
		},
		"nfd-item": {text: "order_id,date,time,item\n1,2026-10-05,08:15,Cre\u0300me bru\u0302le\u0301e\n", want: []string{"1 2026-10-05T07:15 4.50 counter collected"}, revenue: "4.50"},
		"date-28": {
			text: "order_id,ordered_at,item\n1,28/07/2019 20:25,Espresso\n2,07/28/2019 20:25,Espresso\n",
			want: []string{"1 2019-07-28T19:25 2.40 counter collected", "2 2019-07-28T19:25 2.40 counter collected"}, revenue: "4.80",
		},
		"sep-line":   {text: strings.ReplaceAll("sep=,\n"+head+three, "\n", "\r\n"), want: plain, revenue: "11.40"},
		"total-row":  {text: head + three + "Total,,,,4,11.40\n", want: plain, revenue: "11.40", notes: []string{"line 5 is the file's own total (Total, 4, 11.40), and was passed over"}},
		"total-row2": {text: head + three + ",,,,4,11.40\n", want: plain, revenue: "11.40", notes: []string{"line 5 is the file's own total (4, 11.40), and was passed over"}},
		"figures in the middle are no total": {
			text: head + ",,,,4,11.40\n" + three, want: plain, revenue: "11.40", problems: []string{"2 order_id: is empty", "2 date: is empty", "2 item: is empty"},
		},
		"json": {text: "{\"orders\":[{\"id\":1}]}\n", problems: []string{`The file is JSON and no CSV file; export it from the till as CSV. Its first line is "{\"orders\":[{\"id\":1}]}".`}},
		"big-qty": {
			text: head + "1001,2026-10-05,08:15,Flat white,2,3.20\n1001,2026-10-05,08:15,Croissant,128,2.60\n1002,2026-10-05,09:00,Espresso,1,2.40\n",
			want: []string{"1001 2026-10-05T07:15 339.20 counter collected", "1002 2026-10-05T08:00 2.40 counter collected"}, revenue: "341.60",
		},
		"email-customer": {
			text: head[:len(head)-1] + ",customer_id\n" + row("3.20\n", "3.20,a.b@example.com\n", "2.60\n", "2.60,a.b@example.com\n", "2.40\n", "2.40,\n").Replace(three),
			want: plain, revenue: "11.40", notes: []string{`an order is nobody's, since "a.b@example.com" is no customer id`},
		},
		"de-comma-decimal": {text: quoted.Replace(germanHead + german), want: baked, revenue: "13.90"},
		"de-semicolon-en":  {text: germanHead + german, want: baked, revenue: "13.90", notes: []string{`cells are separated by ";"`}},
		"de-tab":           {text: strings.ReplaceAll(germanHead+german, ";", "\t"), want: baked, revenue: "13.90"},
		"de-semicolon":     {text: "Bestell-ID;Datum;Uhrzeit;Artikel;Menge;Einzelpreis;Gesamtpreis\n" + german, problems: []string{`Its first line is "Bestell-ID;Datum;`}},
		"de-utf16":         {text: "\xff\xfe" + utf16le(germanHead+german), problems: []string{sheet.WrongUTF16}},
		"de-utf16-nobom":   {text: utf16le(germanHead + german), problems: []string{sheet.WrongUTF16}},
		"de-cp1252": {
			text:     "order_id,date,time,item,quantity,unit_price,amount\n1001,05.10.2026,08:15,J\xe4ger Kuchen,2,3.50,7.00\n1001,05.10.2026,08:15,Espresso,1,2.40,2.40\n",
			problems: []string{"2 item: is not UTF-8 text; save the file as CSV UTF-8"}, revenue: "0.00",
		},
		"money-symbols":  {text: head + row("3.20", "£3.20", "2.60", `"2.60 £"`, "2.40", "GBP 2.40").Replace(three), want: plain, revenue: "11.40", notes: []string{"amounts are marked GBP, £"}},
		"thousands":      {text: head + row("3.20", `"1,203.20"`).Replace(three), want: []string{"1001 2026-10-05T07:15 2409.00 counter collected", plain[1]}, revenue: "2411.40"},
		"three-decimals": {text: head + row("3.20", "3.200", "2.40", "1.0425").Replace(three), want: plain[:1], revenue: "9.00", problems: []string{`4 unit_price: "1.0425" has more decimals than an amount of money has`}},

		"a loyalty number is no tab": {
			text: head[:len(head)-1] + ",customer_id\n" + row("0\n", "0,alice\n").Replace(three), want: plain, revenue: "11.40",
			notes: []string{"2 orders name a customer and no payment"},
		},
		"unless the import says so": {
			text: head[:len(head)-1] + ",customer_id\n" + row("3.20\n", "3.20,alice\n", "2.60\n", "2.60,alice\n", "2.40\n", "2.40,\n").Replace(three), change: account,
			want: []string{"1001 2026-10-05T07:15 9.00 account collected", plain[1]}, revenue: "11.40",
		},
		"or the file does": {
			text: head[:len(head)-1] + ",customer_id,payment\n" + row("3.20\n", "3.20,alice,On Account\n", "2.60\n", "2.60,alice,\n", "2.40\n", "2.40,bob,VISA\n").Replace(three), change: account,
			want: []string{"1001 2026-10-05T07:15 9.00 account collected", plain[1]}, revenue: "11.40",
		},
		"titles above the header": {
			text: "Sales report\nMain Street, October 2026\n\n" + head + three, want: plain, revenue: "11.40", notes: []string{"2 lines above the header were passed over"},
		},
		"sold by weight": {
			text: head + "1,2026-10-05,08:15,Carrot cake,0.333,3.80\n2,2026-10-05,08:15,Carrot cake,-0.5,3.80\n",
			want: []string{"1 2026-10-05T07:15 1.27 counter collected", "2 2026-10-05T07:15 -1.90 counter collected"}, revenue: "-0.63",
			notes: []string{"2 rows were sold by weight, and count as one unit each"},
		},
		"a discount where no amount is given": {
			text: "order_id,date,time,item,quantity,unit_price,discount,tax,tip\n1,2026-10-05,08:15,Latte,2,3.50,-0.70,1.05,0.50\n2,2026-10-05,08:15,Latte,1,,0.50,,\n",
			want: []string{"1 2026-10-05T07:15 6.30 counter collected", "2 2026-10-05T07:15 3.00 counter collected"}, revenue: "9.30",
			notes: []string{`2 rows were charged less what "discount" takes off`, `"tax", 1.05 in all, changes no total`, `"tip", 0.50 in all, is in no total`},
		},
		"words that nobody knows": {
			text: head[:len(head)-1] + ",payment,event_type\n1,2026-10-05,08:15,Latte,1,3.50,Sodexo,Happening\n",
			want: []string{"1 2026-10-05T07:15 3.50 counter collected"}, revenue: "3.50",
			notes: []string{`"payment" says "Sodexo": read as paid at the counter`, `"event_type" says "Happening": read as sales`},
		},
		"orders that do not count": {
			text: head[:len(head)-1] + ",status\n1,2026-10-05,08:15,Latte,1,3.50,Voided\n2,2026-10-05,08:15,Latte,1,3.50,Refunded\n3,2026-10-05,08:15,Latte,1,3.50,partially_refunded\n",
			want: []string{"1 2026-10-05T07:15 3.50 counter cancelled", "2 2026-10-05T07:15 3.50 counter refunded", "3 2026-10-05T07:15 3.50 counter collected"}, revenue: "3.50",
			notes: []string{"2 orders are cancelled or refunded", "an order was partly refunded, and was read in full"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			orders, problems, s := read(t, c.text, c.change)
			if !slices.Equal(orders, c.want) {
				t.Errorf("got  %q\nwant %q", orders, c.want)
			}
			if got := s.Totals.Revenue.Major("GBP"); c.revenue != "" && got != c.revenue {
				t.Errorf("revenue is %s, want %s", got, c.revenue)
			}
			if len(problems) != len(c.problems) {
				t.Errorf("problems %q, want %q", problems, c.problems)
			} else {
				for i, want := range c.problems {
					if !strings.Contains(problems[i], want) {
						t.Errorf("problem %q, want %q", problems[i], want)
					}
				}
			}
			for _, want := range c.notes {
				if !slices.ContainsFunc(s.Notes, func(note string) bool { return strings.Contains(note, want) }) {
					t.Errorf("notes %q, want %q", s.Notes, want)
				}
			}
		})
	}
}

// The exports of tills as they are, made up in their shapes.
func TestExportsOfTillsAsTheyAre(t *testing.T) {
	monthFirst := func(r *Rules) { r.Dates = MonthFirst }
	dayFirst := func(r *Rules) { r.Dates = DayFirst }
	for name, c := range map[string]struct {
		text    string
		change  func(*Rules)
		want    []string
		revenue string
	}{
		"Toast": {
			text: "Location,Order Id,Order #,Sent Date,Order Date,Check Id,Server,Table,Dining Option,Item Selection Id,Item Id,Master Id,SKU,PLU,Menu Item,Menu Group,Gross Price,Discount,Net Price,Qty,Tax,Void?\n" +
				"Main,81,1,10/5/26 8:16 AM,10/5/26 8:15 AM,9,A,,,1,2,3,,,Flat white,Coffee,6.40,0.40,6.00,2.0,0.50,false\n" +
				"Main,82,2,10/5/26 5:18 PM,10/5/26 5:17 PM,9,A,,,1,2,3,,,Croissant,Bakery,2.60,0.00,2.60,1.0,0.20,true\n",
			change: monthFirst, want: []string{"81 2026-10-05T07:15 6.00 counter collected"}, revenue: "6.00",
		},
		"Loyverse": {
			text: "Date,Receipt number,Receipt type,Category,SKU,Item,Variant,Modifiers applied,Quantity,Gross sales,Discounts,Net sales,Cost of goods,Gross profit,Taxes,POS,Store,Cashier name,Customer name,Customer contacts,Comment,Status\n" +
				"05/10/2026 08:15,1-1001,Sale,Coffee,10001,Flat white,,,2.000,6.40,0.40,6.00,1.00,5.00,0.00,POS 1,Main,A,,,,Closed\n" +
				"05/10/2026 08:45,1-1002,Refund,Coffee,10001,Flat white,,,1.000,3.20,0.00,3.20,1.00,2.20,0.00,POS 1,Main,A,,,,Closed\n",
			change: dayFirst, want: []string{"1-1001 2026-10-05T07:15 6.00 counter collected", "1-1002 2026-10-05T07:45 -3.20 counter collected"}, revenue: "2.80",
		},
		"Shopify": {
			text: "Name,Email,Financial Status,Paid at,Fulfillment Status,Currency,Subtotal,Shipping,Taxes,Total,Discount Code,Discount Amount,Created at,Lineitem quantity,Lineitem name,Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem discount,Refunded Amount,Id\n" +
				"#1001,a@example.com,paid,2026-10-05 08:16:00 +0100,fulfilled,GBP,8.00,0.00,1.33,8.00,TEN,1.00,2026-10-05 08:15:00 +0100,2,Flat white,3.20,,fw,0.00,0.00,77\n" +
				"#1001,a@example.com,,,,,,,,,,,2026-10-05 08:15:00 +0100,1,Croissant,2.60,,,0.00,,\n" +
				"#1002,,refunded,,,GBP,2.40,0.00,0.40,2.40,,0.00,2026-10-05 09:00:00 +0100,1,Espresso,2.40,,,0.00,2.40,78\n",
			want: []string{"#1001 2026-10-05T07:15 8.00 counter collected", "#1002 2026-10-05T08:00 2.40 counter refunded"}, revenue: "8.00",
		},
		"Lightspeed": {
			text: "Date,Receipt Number,Line Type,Customer Code,Customer Name,Note,Quantity,Subtotal,Sales Tax,Discount,Loyalty,Total,Paid,Details,Register,User,Status,Sku\n" +
				"2026-10-05 08:15:00,17,Sale,,,,3,7.50,1.50,0.00,0.00,9.00,9.00,,Main,A,CLOSED,\n" +
				"2026-10-05 08:15:00,17,Sale Line,,,,2,5.33,1.07,0.00,0.00,6.40,,Flat white,Main,A,,10001\n" +
				"2026-10-05 08:15:00,17,Sale Line,,,,1,2.17,0.43,0.00,0.00,2.60,,Croissant,Main,A,,10002\n" +
				"2026-10-05 08:15:00,17,Payment,,,,,,,,,,9.00,Cash,Main,A,,\n",
			want: []string{"17 2026-10-05T07:15 9.00 counter collected"}, revenue: "9.00",
		},
		"SumUp": {
			text: "Account,Date,Time,Type,Transaction ID,Receipt Number,Payment Method,Quantity,Description,Currency,Price (Gross),Price (Net),Tax,Tax rate,Transaction refunded\n" +
				"a@example.com,05.10.26,08:15,Sales,TD4,S1,Cash,2,Flat white ,GBP,6.40,5.33,1.07,20%,\n" +
				"a@example.com,05.10.26,09:00,Refund,TD5,S2,Visa,1,Espresso,GBP,2.40,2.00,0.40,20%,\n",
			want: []string{"TD4 2026-10-05T07:15 6.40 counter collected", "TD5 2026-10-05T08:00 -2.40 counter collected"}, revenue: "4.00",
		},
		"Clover": {
			text: "Line Item Date,Order ID,Item Name,Order Payment State,Item Revenue,Modifiers Revenue,Total Revenue,Total Discount,Tax/Fee Amount,Item Total with Tax/Fee Amount,Refunded\n" +
				"05-Oct-2026 08:15 AM,AB1,Flat white,Paid,3.20,0.40,3.60,-0.60,0.30,3.30,No\n" +
				"05-Oct-2026 08:15 AM,AB1,Croissant,Paid,2.60,0.00,2.60,0.00,0.20,2.80,Yes\n",
			want: []string{"AB1 2026-10-05T07:15 3.00 counter collected"}, revenue: "3.00",
		},
		"Odoo, orders with their lines": {
			text: "Order Ref,Date,Order Lines/Product,Order Lines/Quantity,Order Lines/Unit Price,Order Lines/Subtotal\n" +
				"Main/0018,2026-10-05 08:15:00,Flat white,2.0,3.20,6.40\n,,Croissant,1.0,2.60,2.60\nMain/0019,2026-10-05 09:00:00,Espresso,1.0,2.40,2.40\n",
			want: []string{"Main/0018 2026-10-05T07:15 9.00 counter collected", "Main/0019 2026-10-05T08:00 2.40 counter collected"}, revenue: "11.40",
		},
		"Odoo, lines": {
			text: "Order Ref,Created on,Product,Quantity,Unit Price,Discount (%),Subtotal w/o Tax,Subtotal\n" +
				"Main/0018,2026-10-05 08:15:00,Flat white,2.0,3.20,10.0,4.80,5.76\nMain/0018,2026-10-05 08:15:00,Croissant,1.0,2.60,0.0,2.17,2.60\n",
			want: []string{"Main/0018 2026-10-05T07:15 8.36 counter collected"}, revenue: "8.36",
		},
	} {
		t.Run(name, func(t *testing.T) {
			orders, problems, s := read(t, c.text, c.change)
			if !slices.Equal(orders, c.want) || len(problems) > 0 || s.Totals.Revenue.Major("GBP") != c.revenue {
				t.Errorf("got  %q, %s, problems %q\nwant %q, %s", orders, s.Totals.Revenue.Major("GBP"), problems, c.want, c.revenue)
			}
		})
	}
}
