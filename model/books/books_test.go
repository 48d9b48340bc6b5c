package books

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"cafe/model"
)

// The library's canonical form is that of RFC 8785: the example of section 3.2.3, and the
// escapes of section 3.2.2.2, with integers.
func TestCanonicalJSONIsThatOfRFC8785(t *testing.T) {
	for in, want := range map[string]string{
		"{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet With Dagesh\",\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\",\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}": "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u0080\":\"Control\",\"ö\":\"Latin Small Letter O With Diaeresis\",\"€\":\"Euro Sign\",\"😀\":\"Emoji: Grinning Face\",\"\ufb33\":\"Hebrew Letter Dalet With Dagesh\"}",
		`{"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null, true, false]}`: `{"literals":[null,true,false],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
		`[ 9007199254740991, -9007199254740991, 0, -0 ]`:                                            `[9007199254740991,-9007199254740991,0,0]`,
	} {
		v := jsontext.Value(in)
		if err := v.Canonicalize(); err != nil || string(v) != want {
			t.Errorf("%s\nis   %s, %v\nwant %s", in, v, err, want)
		}
	}
}

func amounts(t *rapid.T, most int) model.Money {
	return model.Money(rapid.IntRange(-most, most).Draw(t, "amount"))
}

// entryOf draws an entry as the ledger has it: a sale, a refund of a later day, a till's
// return, a cancelled order, a payment onto a tab.
func entryOf(t *rapid.T, id string) model.Entry {
	e := model.Entry{Kind: model.EntryOrder, ID: id, CustomerID: "alice", Day: "2017-03-18", Posting: 1, Status: model.StatusCollected}
	kind := rapid.SampledFrom([]string{"sale", "sale", "refund", "return", "cancelled", "payment"}).Draw(t, "kind")
	if kind == "payment" {
		e.Kind, e.Status, e.Tab = model.EntryPayment, "", -max(1, amounts(t, 900))
		e.Tenders = e.PlainTenders()
		return e
	}
	if kind == "cancelled" {
		e.Status = model.StatusCancelled
		e.Cancelled = &model.Reversal{Reason: "no show", Amount: max(0, amounts(t, 900))}
		return e
	}
	sign := model.Money(1)
	if kind != "sale" {
		sign = -1
	}
	e.NoSale = kind == "refund"
	for _, tax := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"city", "vat", "zero"}), 0, 3, rapid.ID).Draw(t, "taxes") {
		e.Taxes = append(e.Taxes, model.EntryTax{ID: tax, Net: sign * 100, Amount: sign * max(0, amounts(t, 30))})
		e.Revenue += e.Taxes[len(e.Taxes)-1].Amount
	}
	e.Net = sign * max(1, amounts(t, 900))
	e.Revenue += e.Net
	e.Tip = sign * max(0, amounts(t, 50))
	if e.NoSale {
		e.Refunds = []model.Reversal{{Reason: "cold", By: "bo", Amount: -e.Revenue, Tip: -e.Tip, Tax: e.Net - e.Revenue}}
	}
	e.Tenders = []model.EntryTender{{Method: rapid.SampledFrom([]model.Method{"cash", "card", "account", "unpaid"}).Draw(t, "tender"), Amount: e.Revenue + e.Tip - 3, Count: 1}, {Method: "unsaid", Amount: 3}}
	return e
}

func sumOf(t *rapid.T, entries []model.Entry) Sums {
	s, err := Sum(entries, map[TaxKey]model.Tax{{ID: "vat"}: {ID: "vat", Name: "VAT"}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Sums add up, differences are what they should be, and the journal of a close balances,
// carried days and all.
func TestSumsAddUpAndTheJournalBalances(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var days [3][]model.Entry
		for i := range days {
			for n := range rapid.IntRange(0, 6).Draw(t, "entries") {
				days[i] = append(days[i], entryOf(t, fmt.Sprint(n)))
			}
		}
		a, b, both := sumOf(t, days[0]), sumOf(t, days[1]), sumOf(t, append(slices.Clone(days[0]), days[1]...))
		sum, err := a.Plus(1, b)
		left, err2 := sum.Plus(-1, both)
		if err != nil || err2 != nil || !left.IsZero() {
			t.Errorf("%+v\n+ %+v\n= %+v\nwant %+v; %v %v", a, b, sum, both, err, err2)
		}
		for _, s := range []Sums{a, b, both, sum} {
			if fault := s.Fault(); fault != "" {
				t.Errorf("%s: %+v", fault, s)
			}
		}
		change, err := b.Plus(-1, a)
		if err != nil || change.Fault() != "" {
			t.Errorf("a difference: %s, %v", change.Fault(), err)
		}
		c := Close{Number: 2, Day: "2017-03-18", Currency: "GBP", Sums: a, Carried: []Carried{{Day: "2017-03-17", Amount: change.Amount(), Sums: change}}}
		balance := map[string]model.Money{}
		var revenue model.Money
		for _, r := range Journal(c) {
			if r.Debit < 0 || r.Credit < 0 || (r.Debit > 0) == (r.Credit > 0) {
				t.Errorf("a row of %d and %d", r.Debit, r.Credit)
			}
			balance[r.Entry] += r.Debit - r.Credit
			if r.Kind != KindTender && r.Kind != KindTips {
				revenue += r.Credit - r.Debit
			}
		}
		for entry, left := range balance {
			if left != 0 {
				t.Errorf("%s is off by %d", entry, left)
			}
		}
		if revenue != a.Revenue()+change.Revenue() {
			t.Errorf("the journal has %d, the close %d", revenue, a.Revenue()+change.Revenue())
		}

		// Sealed and read again, it is the same.
		c.Weigh(Count{Float: 100, Counted: map[model.Method]model.Money{model.MethodCash: 200}})
		text, err := c.Seal()
		again, err2 := ParseClose(text)
		if err != nil || err2 != nil || again.Hash != c.Hash || again.Gross != a.Gross || again.Found().Counted["cash"] != 200 {
			t.Errorf("%s: %v, %v", text, err, err2)
		}
		if anew, err := again.Seal(); err != nil || string(anew) != string(text) {
			t.Errorf("sealed again: %s, %v\nwas %s", anew, err, text)
		}
	})
}

func TestASumThatJSONCannotHoldIsRefused(t *testing.T) {
	e := model.Entry{Kind: model.EntryOrder, Status: model.StatusCollected, Revenue: Most, Net: Most}
	if _, err := Sum([]model.Entry{e}, nil); err != nil {
		t.Error(err)
	}
	if _, err := Sum([]model.Entry{e, e}, nil); err == nil {
		t.Error("twice the most is no error")
	}
}

func TestCellsThatPeopleWroteAreNoFormulas(t *testing.T) {
	var tab Table
	for _, text := range []string{"=1+1", "+1", "-1", "@x", "\tx", "\rx", "＝1", "a=1", "plain, \"quoted\"", ""} {
		tab.Text(text)
	}
	tab.Cell("-3.50").Row()
	rows, err := csv.NewReader(strings.NewReader(string(tab.Bytes()))).ReadAll()
	want := []string{"'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "'＝1", "a=1", "plain, \"quoted\"", "", "-3.50"}
	if err != nil || len(rows) != 1 || !slices.Equal(rows[0], want) || !strings.HasSuffix(string(tab.Bytes()), "\r\n") {
		t.Errorf("%q, %v", rows, err)
	}
}

func TestDecimalsAreTheCurrencys(t *testing.T) {
	for _, tt := range []struct {
		m        model.Money
		currency string
		want     string
	}{{350, "GBP", "3.50"}, {5, "GBP", "0.05"}, {-5, "GBP", "-0.05"}, {350, "JPY", "350"}, {350, "KWD", "0.350"}, {0, "GBP", "0.00"}} {
		if got := Decimal(tt.m, tt.currency); got != tt.want {
			t.Errorf("%d %s is %s, want %s", tt.m, tt.currency, got, tt.want)
		}
	}
}

func TestPresetsHaveTheColumnsThatTheProgramsImport(t *testing.T) {
	c := Close{Number: 17, Day: "2017-03-08", Currency: "GBP", Sums: Sums{Gross: 120, Net: 100, Taxes: []Tax{{ID: "vat", Name: "VAT", Rate: "20", Net: 100, Amount: 20}},
		Tenders: []Tender{{Method: model.MethodCard, Amount: 120, Count: 1}}}}
	rows := Journal(c)
	for preset, want := range map[Preset]string{
		PresetXero: "*Narration,*Date,Description,*AccountCode,*TaxRate,*Amount,TrackingName1,TrackingOption1,TrackingName2,TrackingOption2\r\n" +
			"\"Café sales 2017-03-08, close 17\",08/03/2017,Sales,Sales,Tax Exempt,-1.00,,,,\r\n" +
			"\"Café sales 2017-03-08, close 17\",08/03/2017,VAT 20%,VAT 20%,Tax Exempt,-0.20,,,,\r\n" +
			"\"Café sales 2017-03-08, close 17\",08/03/2017,Card,Card,Tax Exempt,1.20,,,,\r\n",
		PresetQuickBooks: "Journal No,Journal Date,Account Name,Description,Debits,Credits,Currency\r\n" +
			"2017-03-08,03/08/2017,Sales,\"Café sales 2017-03-08, close 17\",,1.00,GBP\r\n" +
			"2017-03-08,03/08/2017,VAT 20%,\"Café sales 2017-03-08, close 17\",,0.20,GBP\r\n" +
			"2017-03-08,03/08/2017,Card,\"Café sales 2017-03-08, close 17\",1.20,,GBP\r\n",
		PresetNone: "date,close,of,entry,kind,id,name,net,debit,credit,currency\r\n" +
			"2017-03-08,17,2017-03-08,2017-03-08,sales,,Sales,,,1.00,GBP\r\n" +
			"2017-03-08,17,2017-03-08,2017-03-08,tax,vat,VAT 20%,1.00,,0.20,GBP\r\n" +
			"2017-03-08,17,2017-03-08,2017-03-08,tender,card,Card,,1.20,,GBP\r\n",
	} {
		if got := string(JournalCSV(rows, preset, "GBP")); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", preset, got, want)
		}
	}
}

func TestAStatementGoesFromOpeningToClosing(t *testing.T) {
	on := func(day model.Day, e model.Entry) model.Entry { e.Day = day; return e }
	account := []model.EntryTender{{Method: model.TenderAccount, Amount: 1}}
	entries := []model.Entry{
		on("2017-02-28", model.Entry{Kind: model.EntryOrder, ID: "old", Tab: 500, Tenders: account}),
		on("2017-03-02", model.Entry{Kind: model.EntryOrder, ID: "old", NoSale: true, Tab: -200, Refunds: []model.Reversal{{Amount: 200}}}),
		on("2017-03-03", model.Entry{Kind: model.EntryOrder, ID: "same", Tab: 100, Tenders: account, Refunds: []model.Reversal{{Amount: 40, Tip: 10}}}),
		on("2017-03-01", model.Entry{Kind: model.EntryPayment, ID: "paid", Tab: -300}),
		on("2017-04-01", model.Entry{Kind: model.EntryOrder, ID: "later", Tab: 700, Tenders: account}),
		on("2017-03-04", model.Entry{Kind: model.EntryOrder, ID: "counter", Refunds: []model.Reversal{{Amount: 9}}}),
	}
	s := NewStatement(model.Customer{ID: "alice", Name: "=Alice"}, "2017-03-01", "2017-03-31", "GBP", entries)
	var lines []string
	for _, l := range s.Lines {
		lines = append(lines, fmt.Sprint(l.Day[8:], l.Kind, l.ID, l.Amount, l.Balance))
	}
	want := []string{"01payment" + "paid-300 200", "02refundold-200 0", "03ordersame150 150", "03refundsame-50 100"}
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], " ", "")
	}
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], " ", "")
	}
	if s.Opening != 500 || s.Closing != 100 || s.Charged != 150 || s.Paid != 300 || s.Refunded != 250 || !slices.Equal(lines, want) {
		t.Errorf("%+v\nlines %q\nwant  %q", s, lines, want)
	}
	if text := string(StatementCSV(s)); strings.Count(text, "\r\n") != 7 || !strings.Contains(text, "2017-03-31,closing,,,1.00,GBP") {
		t.Error(text)
	}
}
