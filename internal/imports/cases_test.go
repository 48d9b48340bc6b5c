package imports_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cafe/internal/cafetest"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/till"
)

const caseMenu = "sku,name,category,price,counted\nfw,Flat white,coffee,3.20,\nesp,Espresso,coffee,2.40,\ncroi,Croissant,bakery,2.60,true\n" +
	"cake,Carrot cake,bakery,3.80,true\njau,Jäger Kuchen,bakery,3.50,true\ncb,Crème brûlée,bakery,4.50,true\n"

const caseHead = "order_id,date,time,item,quantity,unit_price\n"

const caseRows = "1001,2026-10-05,08:15,Flat white,2,3.20\n1001,2026-10-05,08:15,Croissant,1,2.60\n1002,2026-10-05,09:00,Espresso,1,2.40\n"

// tillCase is a file in a shape that tills write, and what an import of it must say. The
// file is made anew here; where ../shared/cases is there, its file of that name is read,
// too.
type tillCase struct {
	name, text string
	want       string // created, rejected, orders and revenue of the totals; or the start of the reason why it failed
	note       string // part of one
	dayFirst   bool
}

func tillCases() []tillCase {
	with := func(pairs ...string) string { return caseHead + strings.NewReplacer(pairs...).Replace(caseRows) }
	more := func(column string, cells ...string) string {
		rows := strings.Split(strings.TrimSuffix(caseRows, "\n"), "\n")
		for i := range rows {
			rows[i] += "," + cells[i]
		}
		return strings.TrimSuffix(caseHead, "\n") + "," + column + "\n" + strings.Join(rows, "\n") + "\n"
	}
	square := func(sku string, rows ...string) string {
		head := "Date,Time,Time Zone,Category,Item,Qty,Price Point Name," + sku + "Modifiers Applied,Gross Sales,Discounts,Net Sales,Tax,Transaction ID," +
			"Payment ID,Device Name,Notes,Details,Event Type,Location,Dining Option,Customer ID,Customer Name,Customer Reference ID,Unit,Count,Itemization Type\n"
		for _, r := range rows {
			f := strings.Split(r, ",") // time, item, quantity, gross, discount, net, tax, id, event, customer
			if sku != "" {
				f[2] += ","
			}
			head += "2026-10-05," + f[0] + ",Eastern Time (US & Canada),Coffee," + f[1] + ",1.0,Regular," + f[2] + "," + strings.Join(f[3:8], ",") +
				",Pay,iPad,,," + f[8] + ",Main St,," + f[9] + ",,,,1,Physical Good\n"
		}
		return head
	}
	sale1, sale2 := "08:15:10,Flat white,,$8.00,$0.00,$8.00,$0.64,TxAAA1,Payment,", "08:15:10,Croissant,,$2.60,-$0.60,$2.00,$0.00,TxAAA1,Payment,"
	sale3, refund := "09:00:00,Espresso,,$2.40,$0.00,$2.40,$0.19,TxAAA2,Payment,CUSTX0001", "10:30:00,Espresso,,-$2.40,$0.00,-$2.40,-$0.19,TxAAA3,Refund,CUSTX0001"
	german := "1001;05.10.2026;08:15;Jäger Kuchen;2;3,50;7,00\n1001;05.10.2026;08:15;Espresso;1;2,40;2,40\n1002;05.10.2026;09:00;Crème brûlée;1;4,50;4,50\n"
	germanHead := "order_id;date;time;item;quantity;unit_price;amount\n"
	latin1 := strings.NewReplacer("ä", "\xe4", "è", "\xe8", "û", "\xfb", "é", "\xe9", ";3,50;7,00", ",3.50,7.00", ";2,40;2,40", ",2.40,2.40", ";4,50;4,50", ",4.50,4.50", ";", ",")
	wide := func(text string) string {
		var b strings.Builder
		for _, r := range text {
			b.WriteByte(byte(r))
			b.WriteByte(byte(r >> 8))
		}
		return b.String()
	}
	const plain = "2 created, 0 rejected; 2 orders, 11.40"
	return []tillCase{
		{name: "big-qty", text: with("Croissant,1", "Croissant,128"), want: "2 created, 0 rejected; 2 orders, 341.60"},
		{name: "cr-only", text: strings.ReplaceAll(caseHead+caseRows, "\n", "\r"), want: plain},
		{name: "date-28", text: "order_id,ordered_at,item\n1,28/07/2019 20:25,Espresso\n2,07/28/2019 20:25,Espresso\n", want: "2 created, 0 rejected; 2 orders, 4.80", note: "prices are the menu's"},
		{name: "de-comma-decimal", text: strings.NewReplacer(";3,50;7,00", `,"3,50","7,00"`, ";2,40;2,40", `,"2,40","2,40"`, ";4,50;4,50", `,"4,50","4,50"`, ";", ",").Replace(germanHead + german), want: "2 created, 0 rejected; 2 orders, 13.90"},
		{name: "de-cp1252", text: latin1.Replace(germanHead + german), want: "0 created, 2 rejected; 0 orders, 0.00"},
		{name: "de-semicolon", text: "Bestell-ID;Datum;Uhrzeit;Artikel;Menge;Einzelpreis;Gesamtpreis\n" + german, want: "failed: An orders file needs"},
		{name: "de-semicolon-en", text: germanHead + german, want: "2 created, 0 rejected; 2 orders, 13.90", note: `cells are separated by ";"`},
		{name: "de-tab", text: strings.ReplaceAll(germanHead+german, ";", "\t"), want: "2 created, 0 rejected; 2 orders, 13.90"},
		{name: "de-utf16", text: wide("\ufeff" + germanHead + german), want: "failed: The file is UTF-16"},
		{name: "de-utf16-nobom", text: wide(germanHead + german), want: "failed: The file is UTF-16"},
		{name: "discount-row", text: "order_id,date,time,item,quantity,unit_price,amount\n1001,2026-10-05,08:15,Flat white,2,3.20,6.40\n1001,2026-10-05,08:15,Croissant,1,2.60,2.60\n" +
			"1002,2026-10-05,09:00,Espresso,1,2.40,2.40\n1001,2026-10-05,08:15,Discount,1,,-1.00\n", want: "2 created, 0 rejected; 2 orders, 10.40", note: "was read as a discount of its order"},
		{name: "dup-receipt-two-tills", text: "receipt,date,time,item,quantity,unit_price,register\n17,2026-10-05,08:15,Flat white,1,3.20,1\n17,2026-10-05,08:15,Croissant,1,2.60,1\n17,2026-10-05,16:40,Espresso,1,2.40,2\n",
			want: "2 created, 0 rejected; 2 orders, 8.20", note: "more than an hour apart"},
		{name: "email-customer", text: more("customer_id", "a.b@example.com", "a.b@example.com", ""), want: plain, note: "no customer id"},
		{name: "hash-ids", text: with("1001", "#1001", "1002", "#1002"), want: plain},
		{name: "json", text: "{\"orders\":[{\"id\":1}]}\n", want: "failed: The file is JSON and no CSV file"},
		{name: "loyverse-renamed", text: "ordered_at,receipt,Receipt type,Category,SKU,Item,Quantity,Gross sales,Discounts,amount,Status\n" +
			"05/10/2026 08:15,1-1001,Sale,Coffee,10001,Flat white,2.000,6.40,0.00,6.40,Closed\n05/10/2026 08:15,1-1001,Sale,Bakery,10002,Croissant,1.000,2.60,0.60,2.00,Closed\n" +
			"05/10/2026 09:00,2-1001,Sale,Coffee,10003,Espresso,1.000,2.40,0.00,2.40,Closed\n", want: "2 created, 0 rejected; 2 orders, 10.80", dayFirst: true},
		{name: "money-symbols", text: with("3.20", "£3.20", "2.60", `"2.60 £"`, "2.40", "GBP 2.40"), want: plain, note: "amounts are marked GBP, £"},
		{name: "nfd-item", text: "order_id,date,time,item\n1,2026-10-05,08:15,Cre\u0300me bru\u0302le\u0301e\n", want: "1 created, 0 rejected; 1 orders, 4.50"},
		{name: "odoo-ids", text: with("1001", "Order 00591-006-0018", "1002", "Order 00591-006-0019"), want: plain},
		{name: "payment-card", text: more("payment", "Card", "Card", "Cash"), want: plain},
		{name: "price-not-known", text: strings.Replace(strings.Replace(caseHead, "unit_price", "Price", 1)+caseRows, "3.20", "4.00", 1), want: plain, note: `not read: "Price"`},
		{name: "price-with-amount", text: "order_id,ordered_at,item,quantity,unit_price,amount\n9,2026-10-05 10:00,Flat white,14,1.0425,14.60\n10,2026-10-05 10:05,Flat white,3,3.333333,10.00\n", want: "2 created, 0 rejected; 2 orders, 24.60"},
		{name: "refund-event", text: "order_id,date,time,item,quantity,Net Sales,Event Type\n1,2026-10-05,08:14,Latte,2,7.00,Payment\n2,2026-10-05,09:14,Latte,1,-3.50,Refund\n", want: "2 created, 0 rejected; 1 orders, 3.50", note: "gives back 3.50"},
		{name: "refund-neg", text: caseHead + "1001,2026-10-05,08:15,Flat white,2,3.20\n1003,2026-10-05,10:00,Espresso,-1,2.40\n", want: "2 created, 0 rejected; 1 orders, 4.00"},
		{name: "sep-line", text: strings.ReplaceAll("sep=,\n"+caseHead+caseRows, "\n", "\r\n"), want: plain},
		{name: "square-items", text: square("SKU,", sale1, sale2, sale3, refund), want: "3 created, 0 rejected; 2 orders, 10.00", note: "gives back 2.40"},
		{name: "square-salesonly", text: square("", sale1, sale2, sale3), want: "2 created, 0 rejected; 2 orders, 12.40", note: "paid at the counter"},
		{name: "status-closed", text: more("status", "Closed", "Closed", "Completed"), want: plain},
		{name: "thousands", text: with("3.20", `"1,203.20"`), want: "2 created, 0 rejected; 2 orders, 2411.40"},
		{name: "three-decimals", text: with("3.20", "3.200", "2.40", "1.0425"), want: "1 created, 1 rejected; 1 orders, 9.00"},
		{name: "total-row", text: caseHead + caseRows + "Total,,,,4,11.40\n", want: plain, note: "the file's own total"},
		{name: "total-row2", text: caseHead + caseRows + ",,,,4,11.40\n", want: plain, note: "the file's own total"},
		{name: "void-column", text: "order_id,ordered_at,item,quantity,amount,Void?\n1,2026-10-05 08:14,Latte,2,7.00,false\n2,2026-10-05 09:14,Brownie,1,2.90,true\n", want: "1 created, 0 rejected; 1 orders, 7.00", note: "void"},
		{name: "a header and no row", text: caseHead, want: "failed: The file has a header, and no row beneath it."},
		{name: "a header that nobody understands", text: "a,b,c\n1,2,3\n", want: "failed: An orders file needs"},
	}
}

// Each shape gives the wanted sum from the upload to the stored import, and the stored
// orders add up to it.
func TestFilesInTheShapesOfTillsAreImportedWhole(t *testing.T) {
	t.Parallel()
	folder := filepath.Join("..", "..", "..", "shared", "cases")
	if _, err := os.Stat(folder); err != nil {
		t.Logf("%s is not here: only files that are made here are imported", folder)
	}
	for _, c := range tillCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.bring(t, c.text)
			if text, err := os.ReadFile(filepath.Join(folder, c.name+".csv")); err == nil {
				c.bring(t, string(text))
			}
		})
	}
}

func (c tillCase) bring(t *testing.T, text string) {
	t.Helper()
	counter := cafetest.Counter{Cafe: cafetest.Open(t, cafetest.Engines[0].Open(t), func(s *settings.Settings) {
		if c.dayFirst {
			s.DateOrder = till.DayFirst
		}
	}), Files: cafetest.NewFiles()}
	cafetest.WantTally(t, counter.Bring(t, cafetest.ImportDraft(model.ImportMenu), caseMenu), "done: 6 rows, 6 created, 0 updated, 0 unchanged, 0 rejected, 0 skipped")
	dry := cafetest.ImportDraft(model.ImportOrders)
	dry.DryRun = true
	for _, draft := range []model.ImportDraft{dry, cafetest.ImportDraft(model.ImportOrders)} {
		im := counter.Bring(t, draft, text)
		got := fmt.Sprintf("%d created, %d rejected; %d orders, %s", im.Created, im.Rejected, im.Summary.Totals.Orders, im.Summary.Totals.Revenue.Major("GBP"))
		if im.Status == model.ImportFailed {
			got = "failed: " + im.Problems[0].Reason
			if !strings.Contains(got, "ts first line is") && !strings.Contains(got, "UTF-16") {
				t.Errorf("%q does not say what the first line is", got)
			}
		}
		if !strings.HasPrefix(got, c.want) || !strings.Contains(strings.Join(im.Summary.Notes, "; "), c.note) {
			t.Errorf("dry %t: %s, notes %q; want %s, note %q; problems %v", draft.DryRun, got, im.Summary.Notes, c.want, c.note, im.Problems)
		}
		var revenue, byDay model.Money
		for _, item := range cafetest.Stored(t, counter.Cafe, "O#") {
			if revenue += model.Money(item.Int("total")); item.Str("payment") != "counter" {
				t.Errorf("an order is paid by %s", item.Str("payment"))
			}
		}
		for _, d := range im.Summary.Totals.ByDay {
			byDay += d.Revenue
		}
		if want := im.Summary.Totals.Revenue; byDay != want || !draft.DryRun && revenue != want || draft.DryRun && revenue != 0 {
			t.Errorf("dry %t: orders of %s are stored, days sum up to %s, the file to %s", draft.DryRun, revenue.Major("GBP"), byDay.Major("GBP"), want.Major("GBP"))
		}
	}
}

// The file with the longest summary leaves the import far below what a table takes.
func TestAnImportStaysSmallWhateverItsFile(t *testing.T) {
	t.Parallel()
	c := cafetest.Counter{Cafe: cafetest.Open(t, cafetest.Engines[0].Open(t)), Files: cafetest.NewFiles()}
	var b strings.Builder
	b.WriteString("order_id,ordered_at,item,amount")
	for i := range 990 {
		fmt.Fprintf(&b, ",Sales 🥐%d %s", i, strings.Repeat("🥐", 10))
	}
	day := model.Day("2010-01-01")
	blank := strings.Repeat(",", 990)
	for i := range 4200 {
		fmt.Fprintf(&b, "\n%04d,%s 10:00,tea,%d.%02d%s", i, day.AddDays(i), 90000+i, i%100, blank)
	}
	for i := range 150 {
		fmt.Fprintf(&b, "\nx%d,%s 10:00,%s%d,1%s", i, day, strings.Repeat("🥐", 400), i, blank)
	}
	im := c.Bring(t, cafetest.ImportDraft(model.ImportOrders), b.String()+"\n")
	if im.Status != model.ImportDone || len(im.Summary.Totals.ByDay) < 3999 || len(im.Summary.Columns.NotRead) != 100 || len(im.Problems) != 100 {
		t.Fatalf("%s %v: %d days, %d columns not read, %d problems", im.Status, im.Problems, len(im.Summary.Totals.ByDay), len(im.Summary.Columns.NotRead), len(im.Problems))
	}
	for i, d := range im.Summary.Totals.ByDay[1:] {
		if d.Day != day.AddDays(i+1) || d.Orders != 1 || d.Revenue != model.Money(9000000+100*(i+1)+(i+1)%100) {
			t.Fatalf("day %d is %+v", i+1, d)
		}
	}
	notes := strings.Join(im.Summary.Notes, "; ")
	if !strings.Contains(notes, "890 more columns were not read") || !strings.Contains(notes, "more than 4000 days") {
		t.Errorf("notes %q", notes)
	}
	for key, item := range cafetest.Stored(t, c.Cafe, "I#") {
		if size := item.Size(); size > 256<<10 {
			t.Errorf("%s has %d bytes", key, size)
		} else {
			t.Logf("%d bytes, of %d that a table takes", size, table.MaxItemSize)
		}
	}
}

// Sales far apart under one id were imported as one order once. The same file again finds
// them in that order.
func TestSalesThatAreStoredAsOneOrderAreNotStoredAgain(t *testing.T) {
	cafetest.OnEachCounter(t, func(t *testing.T, c cafetest.Counter) {
		const text = "receipt,date,time,item\n17,2017-03-17,08:15,tea\n17,2017-03-17,16:40,latte\n18,2017-03-17,16:40,tea\n"
		rules := till.Rules{Calendar: c.Calendar, Currency: c.Currency}
		rules.Menu, _ = c.Menu(ctx)
		file, err := till.ReadOrders(ctx, strings.NewReader(text), rules)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		whole := map[string]string{}
		for o, err := range file.All() {
			if err != nil {
				t.Fatal(err)
			}
			if o.Whole != "" {
				o.Time = ""
				whole[o.OrderID()] = o.Whole
			}
		}
		c.Bring(t, cafetest.ImportDraft(model.ImportOrders), strings.ReplaceAll(text, "16:40,latte", "08:50,latte"))
		for id, fingerprint := range whole {
			cafetest.Spoil(t, c.Cafe, table.Key{PK: "O#" + id, SK: "O"}, table.Item{"fingerprint": table.String(fingerprint)})
		}
		cafetest.WantTally(t, c.Bring(t, cafetest.ImportDraft(model.ImportOrders), text), "done: 3 rows, 0 created, 0 updated, 3 unchanged, 0 rejected, 0 skipped")
		if n := len(cafetest.Stored(t, c.Cafe, "O#")); n != 2 {
			t.Errorf("%d orders are stored", n)
		}
	})
}
