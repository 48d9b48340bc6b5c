package render

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cafe/model"
	"cafe/model/books"
	"cafe/model/report"

	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write the golden files anew")

var crumb = Cafe{Name: "The Crumb", Zone: func() *time.Location {
	l, err := time.LoadLocation("Europe/London")
	if err != nil {
		panic(err)
	}
	return l
}()}

// The reports in testdata are what report.Build made of invented sales.
var days = []string{"saturday", "nosales", "firstday", "partial", "revision", "taxes"}

func load(t testing.TB, day string) report.Report {
	t.Helper()
	text, err := os.ReadFile("testdata/" + day + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var r report.Report
	if err := json.Unmarshal(text, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	file = "testdata/" + file
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what it was; see what changed with go test -update and git diff", file)
	}
}

func TestReportsLookAsTheyDid(t *testing.T) {
	for _, day := range days {
		t.Run(day, func(t *testing.T) {
			r := load(t, day)
			subject, body := Text(r, crumb)
			golden(t, day+".txt", []byte("Subject: "+subject+"\n\n"+body))
			page, err := HTML(r, crumb)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, day+".html", page)
			text, err := JSON(r)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, day+".json", text)
		})
	}
}

func TestSubjectIsTheContracts(t *testing.T) {
	r := report.Report{Day: "2017-03-18", Currency: "GBP", Revenue: 123450, Orders: 87}
	room := maxSubject - utf8.RuneCountInString(" · Sat 18 Mar 2017 · £1,234.50 · 87 orders")
	for name, want := range map[string]string{
		"The Crumb":                 "The Crumb · Sat 18 Mar 2017 · £1,234.50 · 87 orders",
		"Two\nlines\tand a \x00 ":   "Two lines and a · Sat 18 Mar 2017 · £1,234.50 · 87 orders",
		strings.Repeat("é", room+1): strings.Repeat("é", room-1) + "… · Sat 18 Mar 2017 · £1,234.50 · 87 orders",
	} {
		subject, _ := Text(r, Cafe{name, time.UTC})
		if subject != want {
			t.Errorf("%q", subject)
		}
		if n := utf8.RuneCountInString(subject); n > maxSubject {
			t.Errorf("%d characters; SNS refuses it", n)
		}
	}
	long := strings.Repeat("A café with a name ", 20)
	r.Revision, r.Revised = 3, true
	if subject, _ := Text(r, Cafe{long, time.UTC}); !strings.HasSuffix(subject, "… · Sat 18 Mar 2017 · revised (no. 3) · £1,234.50 · 87 orders") || utf8.RuneCountInString(subject) != maxSubject {
		t.Errorf("%q", subject)
	}
	r.Revised, r.Partial = false, true
	if subject, _ := Text(r, crumb); subject != "The Crumb · Sat 18 Mar 2017 · so far · £1,234.50 · 87 orders" {
		t.Errorf("%q", subject)
	}
	if subject, _ := Text(report.Report{Day: "2017-03-18", Currency: "GBP", Orders: 1}, crumb); !strings.HasSuffix(subject, "£0.00 · 1 order") {
		t.Errorf("%q", subject)
	}
}

func TestTheMailBeginsWithTheBakeListThenTheMoneyThenWhatNeedsALook(t *testing.T) {
	_, body := Text(load(t, "saturday"), crumb)
	at := -1
	for _, s := range []string{"BAKE FOR SUNDAY 19 MARCH\nCroissant 33 ·", "£727.20 from 77 orders", "NEEDS A LOOK", "SOLD OUT", "BY HOUR"} {
		next := strings.Index(body, s)
		if next <= at {
			t.Fatalf("%q is not next in\n%s", s, body)
		}
		at = next
	}
	if strings.Index(body, "BAKE") != 0 {
		t.Error("something comes before the bake list")
	}
}

func TestTheMailAndThePageSayHowItWasPaid(t *testing.T) {
	r := load(t, "saturday")
	short, over := model.Money(-250), model.Money(30)
	r.Tenders = []report.Tender{{Method: model.TenderAccount, Amount: 4000}, {Method: model.MethodCard, Amount: 60000, Count: 50}, {Method: model.MethodCash, Amount: 8720, Count: 1}}
	r.PaidOnTabs, r.Tabs = 1500, &report.Tabs{Owed: 12345, Customers: 2}
	r.RefundsByReason = []report.Refunds{{Reason: "cold", By: "bo", Refunds: 2, Amount: 700}, {Refunds: 1, Amount: 50}}
	r.CancelledOrders = []report.Cancelled{{Reason: "no show", By: "ann", Orders: 1, Amount: 900}, {Orders: 3}}
	r.Close, r.EarlierClose = &report.Closed{Day: "2017-03-18", Number: 18, Drawer: &short}, &report.Closed{Day: "2017-03-17", Number: 17, Drawer: &over}
	_, body := Text(r, crumb)
	for _, want := range []string{
		"HOW IT WAS PAID", "On tabs", "ordered, less what was paid", "Card", "50 payments", "Cash", "1 payment\n", "Paid on tabs", "£15.00", "Owed on tabs", "£123.45", "by 2 customers by now",
		"£7.00 given back, 2 refunds: cold (bo).", "£0.50 given back, 1 refund.", "1 order of £9.00 cancelled: no show (ann).",
		"Sat 18 Mar was closed, no. 18; the drawer had £2.50 too little.", "Fri 17 Mar was closed, no. 17; the drawer had £0.30 too much.",
	} {
		if !strings.Contains(strings.Join(strings.Fields(body), " "), strings.TrimSpace(want)) {
			t.Errorf("the mail does not say %q:\n%s", want, body)
		}
	}
	html, err := HTML(r, crumb)
	if err != nil {
		t.Fatal(err)
	}
	page := content(parse(t, html))
	for _, want := range []string{"How it was paid", "by 2 customers by now", "given back, 2 refunds: cold (bo).", "the drawer had £2.50 too little."} {
		if !strings.Contains(page, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	r.Tenders, r.PaidOnTabs = []report.Tender{{Method: model.TenderUnsaid, Amount: 72720, Count: 77}}, 0
	if _, body := Text(r, crumb); !strings.Contains(body, "Owed on tabs") || strings.Contains(body, "At the counter") {
		t.Errorf("nobody said how it was paid, and tabs are owed:\n%s", body)
	}
	r.Tabs = nil
	if _, body := Text(r, crumb); strings.Contains(body, "HOW IT WAS PAID") {
		t.Errorf("nobody said how it was paid:\n%s", body)
	}
}

// awkward is a report full of what breaks layouts and escapes nothing by itself.
func awkward(name string, n int64) report.Report {
	r := report.Report{
		Day: "2017-03-18", NextOpenDay: "2017-03-20", Revision: 3, Currency: "CHF", Orders: n, Revenue: model.Money(n) * 137, Average: 137,
		Cancelled: n, KnownDays: 1, NeedsALook: []string{name, "Import " + name + " left out 1 row."}, Changes: []string{name + " sold 1 → 2"},
		Compared: report.Compared{LastWeek: &report.Level{Orders: 1, Revenue: 1, Days: 1}, FourWeeks: &report.Level{Orders: 1, Revenue: model.Money(n) * 999, Days: 4}},
		SoldOut:  []report.SoldOut{{SKU: "a", Name: name, Missed: n}},
		Pairs:    []report.Pair{{A: "a", B: "b", Orders: n, Lift: 1.25}},
	}
	r.RefundsByReason = []report.Refunds{{Reason: name, By: name, Refunds: n, Amount: model.Money(n)}}
	r.CancelledOrders = []report.Cancelled{{Reason: name, By: name, Orders: n, Amount: model.Money(n)}}
	r.Tenders, r.Tabs = []report.Tender{{Method: model.MethodCash, Amount: model.Money(n), Count: n}}, &report.Tabs{Owed: model.Money(n), Customers: n}
	r.Close = &report.Closed{Day: r.Day, Number: n}
	r.Net, r.Discounts, r.Charges, r.Tips = model.Money(n)*100, model.Money(n), -model.Money(n), model.Money(n)
	r.Taxes = []books.Tax{{ID: "a", Name: name, Rate: "8.875", Net: model.Money(n), Amount: model.Money(n) * 37}, {ID: "b", Name: name, Net: model.Money(n)}}
	for hour := range 24 {
		r.Hours = append(r.Hours, report.Hour{Hour: (hour + 4) % 24, Orders: n, Revenue: model.Money(n) * model.Money(hour)})
	}
	for d := range 28 {
		r.Trend = append(r.Trend, report.Takings{Day: r.Day.AddDays(d - 27), Orders: n, Revenue: model.Money(n) * model.Money(d)})
	}
	for _, sku := range []string{"a", "b"} {
		r.Items = append(r.Items, report.Item{SKU: sku, Name: name, Category: name, Quantity: n, Revenue: model.Money(n)})
		r.Bake = append(r.Bake, report.Bake{SKU: sku, Name: name, Expected: n, Low: n / 2, High: 2 * n, Bake: n, SoldOut: true},
			report.Bake{SKU: sku + "2", Name: name, LastSold: "2017-03-01", WhenOn: n}, report.Bake{SKU: sku + "3", Name: name})
		r.YesterdaysForecast = append(r.YesterdaysForecast, report.Forecast{SKU: sku, Name: name, Expected: n, Low: n / 2, High: 2 * n, Sold: 3 * n})
	}
	return r
}

func TestTheMailIsNeverWiderThan72Columns(t *testing.T) {
	check := func(t interface{ Errorf(string, ...any) }, r report.Report) {
		_, body := Text(r, crumb)
		for _, l := range strings.Split(body, "\n") {
			if w := terminal.StringWidth(l); w > 72 {
				t.Errorf("%d columns: %s", w, l)
			}
			if strings.ContainsAny(l, "\r\x00\t") {
				t.Errorf("control characters: %q", l)
			}
		}
		if !utf8.ValidString(body) || !strings.HasSuffix(body, "\n") {
			t.Errorf("broken text: %q", body)
		}
	}
	for _, day := range days {
		check(t, load(t, day))
	}
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringN(1, 100, -1).Draw(t, "name")
		check(t, awkward(name, rapid.Int64Range(1, 1<<40).Draw(t, "n")))
	})
	check(t, awkward(strings.Repeat("超長い名前", 20), 3))
}

func TestEveryPageStandsAlone(t *testing.T) {
	for _, day := range days {
		page, err := HTML(load(t, day), crumb)
		if err != nil {
			t.Fatal(err)
		}
		inspect(t, page)
	}
	page, err := HTML(report.Report{Day: "2017-03-18", NextOpenDay: "2017-03-19"}, crumb)
	if err != nil {
		t.Fatal(err)
	}
	inspect(t, page)
}

// inspect parses the page as a browser does and holds it to what it promises: no
// script, nothing from elsewhere, every charted image with its title, description and
// table, ids once each, every name an id refers to there, and every element closed.
func inspect(t *testing.T, page []byte) {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	allowed := strings.Fields("html head meta title style body header main section div p h1 h2 time strong span small ul li b table caption thead tbody tr th td svg g rect line path text desc details summary")
	ids, headings := map[string]bool{}, 0
	var references []string
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		if n.Type == html.ElementNode {
			if !slices.Contains(allowed, n.Data) {
				t.Errorf("<%s> is no element of this page", n.Data)
			}
			attributes := map[string]string{}
			for _, a := range n.Attr {
				attributes[a.Key] = a.Val
				if slices.Contains([]string{"src", "href", "style", "srcset", "action"}, a.Key) || strings.HasPrefix(a.Key, "on") {
					t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
				}
			}
			if id := attributes["id"]; id != "" {
				if ids[id] {
					t.Errorf("id %q is there twice", id)
				}
				ids[id] = true
			}
			references = append(references, strings.Fields(attributes["aria-labelledby"])...)
			switch {
			case n.Data == "html" && attributes["lang"] != "en":
				t.Error("the page does not say its language")
			case n.Data == "h1":
				headings++
			case n.Data == "svg" && attributes["role"] == "img":
				if len(strings.Fields(attributes["aria-labelledby"])) != 2 || !follows(n, "details") {
					t.Errorf("a chart without title, description or table: %v", attributes)
				}
			case n.Data == "svg" && attributes["aria-hidden"] != "true":
				t.Error("an image that is neither described nor hidden")
			}
		}
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
	}
	walk(root)
	for _, id := range references {
		if !ids[id] {
			t.Errorf("nothing has the id %q", id)
		}
	}
	if headings != 1 {
		t.Errorf("%d first headings", headings)
	}
	css := regexp.MustCompile(`(?s)<style>.*</style>`).Find(page)
	if bytes.Contains(css, []byte("url(")) || bytes.Contains(css, []byte("@import")) {
		t.Error("the page asks for something from elsewhere")
	}
	for _, element := range []string{"section", "svg", "table", "tr", "ul", "li", "details", "div", "main", "text", "p"} {
		opened := len(regexp.MustCompile(`<`+element+`[ >]`).FindAll(page, -1))
		if closed := bytes.Count(page, []byte("</"+element+">")); opened != closed {
			t.Errorf("<%s> is opened %d times and closed %d times", element, opened, closed)
		}
	}
}

func follows(n *html.Node, element string) bool {
	for s := n.NextSibling; s != nil; s = s.NextSibling {
		if s.Type == html.ElementNode && s.Data == element {
			return true
		}
	}
	return false
}

func TestThePageOnPaperIsABakeSheet(t *testing.T) {
	page, err := HTML(load(t, "saturday"), crumb)
	if err != nil {
		t.Fatal(err)
	}
	row := regexp.MustCompile(`<th scope="row">Brownie</th><td class="make">8</td>.*3–12.*<td class="box"></td><td class="box"></td></tr>`)
	if !row.Match(page) || !bytes.Contains(page, []byte("@media print")) {
		t.Error("no boxes to fill in")
	}
}

func TestBarsAreDrawnToAnEighthOfAColumn(t *testing.T) {
	for share, want := range map[float64]string{
		1: strings.Repeat("█", 16), 0.5: strings.Repeat("█", 8), 1.0 / 128: "▏", 1e-9: "▏", 0: "", -1: "", 9.0 / 128: "█▏", 7.0 / 128: "▉",
	} {
		if got := length(share); got != want {
			t.Errorf("%g: %q; want %q", share, got, want)
		}
	}
}

func TestAChangeIsToldInWordsAndNotByItsMarkAlone(t *testing.T) {
	for _, c := range []struct {
		a, b model.Money
		want string
	}{
		{110, 100, "▲ 10% more than"}, {90, 100, "▼ 10% less than"}, {1004, 1000, "= As good as"}, {0, 100, "▼ 100% less than"}, {300, 100, "▲ 200% more than"},
	} {
		if mark, text := change(c.a, c.b); mark+" "+text != c.want {
			t.Errorf("%d after %d: %s %s", c.a, c.b, mark, text)
		}
	}
}

func TestScalesAreRoundAndReachTheTop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := model.Money(rapid.Int64Range(0, 1<<62).Draw(t, "most"))
		step := niceStep(most)
		if step < 1 || most < 1<<55 && step*6 < most || most > 6 && step*2 > most {
			t.Fatalf("steps of %d up to %d", step, most)
		}
	})
}

func TestNumbersAreGrouped(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", -100: "-100"} {
		if got := number(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
