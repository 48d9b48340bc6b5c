package model

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// chars returns a text of n characters, of two bytes each.
func chars(n int) string { return strings.Repeat("é", n) }

func ids(n int) []string { return slices.Repeat([]string{"x"}, n) }

func money(m Money) *Money { return &m }

// The limits are those of docs/contract.md, in figures: each row is the last that is allowed, or
// the first that is not, with what the client reads.
func TestEachLimitIsWhereTheContractHasIt(t *testing.T) {
	line := func(l DraftLine) error { return ValidateLines([]DraftLine{l}) }
	lines := func(n int) []DraftLine { return slices.Repeat([]DraftLine{{SKU: "tea", Quantity: 1}}, n) }
	draft := func(d Draft) error { d.Lines = lines(2); return d.Validate() }
	given := func(d DraftDiscount) error {
		if d.Name == "" {
			d.Name = "d"
		}
		return draft(Draft{Discounts: []DraftDiscount{d}})
	}
	item := func(i Item) error {
		i.SKU, i.Name = "tea", cmpOr(i.Name, "Tea")
		return i.Validate()
	}
	option := func(o Option) error { o.ID = "o"; o.Name = cmpOr(o.Name, "O"); return item(Item{Options: []Option{o}}) }
	options := func(n int) (all []Option) {
		for i := range n {
			all = append(all, Option{ID: "o" + strings.Repeat("x", i), Name: "O"})
		}
		return all
	}
	profile := func(p Profile) error { p.Name = cmpOr(p.Name, "Ann"); return p.Validate() }
	imported := func(d ImportDraft) error {
		d.Kind, d.Name, d.Source = ImportKind(cmpOr(string(d.Kind), "stock")), cmpOr(d.Name, "n"), cmpOr(d.Source, "till")
		return d.Validate()
	}
	waste := func(d WasteDraft) error {
		d.SKU = cmpOr(d.SKU, "tea")
		if d.Quantity == 0 {
			d.Quantity = 1
		}
		return d.Validate()
	}
	const badID = "must be 1 to 64 characters of A–Z, a–z, 0–9, _ and -"
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"50 lines":               {ValidateLines(lines(50)), ""},
		"51 lines":               {ValidateLines(lines(51)), "/lines: must have 1 to 50 lines"},
		"no line":                {ValidateLines(nil), "/lines: must have 1 to 50 lines"},
		"no line in a draft":     {Draft{}.Validate(), "/lines: must have 1 to 50 lines"},
		"100 units":              {line(DraftLine{SKU: "a", Quantity: 100}), ""},
		"101 units":              {line(DraftLine{SKU: "a", Quantity: 101}), "/lines/0/quantity: must be from 1 to 100"},
		"no unit":                {line(DraftLine{SKU: "a"}), "/lines/0/quantity: must be from 1 to 100"},
		"no SKU":                 {line(DraftLine{Quantity: 1}), "/lines/0/sku: " + badID},
		"20 options of a line":   {line(DraftLine{SKU: "a", Quantity: 1, Options: ids(20)}), ""},
		"21 options of a line":   {line(DraftLine{SKU: "a", Quantity: 1, Options: ids(21)}), "/lines/0/options: must have at most 20 options"},
		"a line's note":          {line(DraftLine{SKU: "a", Quantity: 1, Note: "\n" + chars(499)}), ""},
		"a line's note too long": {line(DraftLine{SKU: "a", Quantity: 1, Note: chars(501)}), "/lines/0/note: must have at most 500 characters"},

		"a note":                 {ValidateNote(chars(500)), ""},
		"a note of all kinds":    {ValidateNote("a\r\n\tb"), ""},
		"a note too long":        {ValidateNote(chars(501)), "/note: must have at most 500 characters"},
		"a note with a bell":     {ValidateNote("\a"), "/note: must not contain control characters"},
		"an order's note":        {draft(Draft{Note: chars(501)}), "/note: must have at most 500 characters"},
		"an id of 64":            {draft(Draft{CustomerID: strings.Repeat("a", 64)}), ""},
		"an id of 65":            {draft(Draft{CustomerID: strings.Repeat("a", 65)}), "/customer_id: " + badID},
		"a walk-in's tab":        {draft(Draft{Payment: TermsAccount}), "/payment: must be counter or open for a walk-in, who has no account"},
		"a named walk-in's tab":  {draft(Draft{CustomerID: "walk-in", Payment: TermsAccount}), "/payment: must be counter or open for a walk-in, who has no account"},
		"a quote of 32 KiB":      {draft(Draft{Quote: strings.Repeat("q", 32768)}), ""},
		"a longer quote":         {draft(Draft{Quote: strings.Repeat("q", 32769)}), "/quote: is not a quote of this café"},
		"10 codes":               {draft(Draft{Codes: ids(10)}), ""},
		"11 codes":               {draft(Draft{Codes: ids(11)}), "/codes: must have at most 10 codes"},
		"20 discounts":           {draft(Draft{Discounts: slices.Repeat([]DraftDiscount{{Name: "d", Amount: 1}}, 20)}), ""},
		"21 discounts":           {draft(Draft{Discounts: slices.Repeat([]DraftDiscount{{Name: "d", Amount: 1}}, 21)}), "/discounts: must have at most 20 discounts"},
		"takeaway":               {draft(Draft{Dining: "takeaway"}), ""},
		"the highest tip":        {draft(Draft{Tip: 1_000_000_000_000}), ""},
		"a higher tip":           {draft(Draft{Tip: 1_000_000_000_001}), "/tip: must be from 0 to 1000000000000 minor units"},
		"the highest discount":   {given(DraftDiscount{Amount: 1_000_000_000_000}), ""},
		"a higher discount":      {given(DraftDiscount{Amount: 1_000_000_000_001}), "/discounts/0/amount: must be from 1 to 1000000000000 minor units"},
		"a discount's name":      {given(DraftDiscount{Name: chars(100), Percent: 1}), ""},
		"a name too long":        {given(DraftDiscount{Name: chars(101), Percent: 1}), "/discounts/0/name: must have at most 100 characters"},
		"a name of two lines":    {given(DraftDiscount{Name: "a\nb", Percent: 1}), "/discounts/0/name: must not contain control characters"},
		"a discount of 3 lines":  {given(DraftDiscount{Percent: 1, Lines: []int{0, 1, 1}}), "/discounts/0/lines: names more lines than the order has"},
		"a discount of 2 lines":  {given(DraftDiscount{Percent: 1, Lines: []int{0, 1}}), ""},
		"an item's name":         {item(Item{Name: chars(100)}), ""},
		"an item's name, longer": {item(Item{Name: chars(101)}), "/name: must have at most 100 characters"},
		"an item of two lines":   {item(Item{Name: "a\nb"}), "/name: must not contain control characters"},
		"a category":             {item(Item{Category: chars(100)}), ""},
		"a category of lines":    {item(Item{Category: "a\nb"}), "/category: must not contain control characters"},
		"the highest price":      {item(Item{Price: 100_000_000}), ""},
		"a higher price":         {item(Item{Price: 100_000_001}), "/price: must be from 0 to 100000000 minor units"},
		"a price below nothing":  {item(Item{Price: -1}), "/price: must be from 0 to 100000000 minor units"},
		"20 options":             {item(Item{Options: options(20)}), ""},
		"21 options":             {item(Item{Options: options(21)}), "/options: must have at most 20 options"},
		"an option of lines":     {option(Option{Name: "a\nb"}), "/options/0/name: must not contain control characters"},
		"an option's price":      {option(Option{Price: 100_000_000}), ""},
		"an option too dear":     {option(Option{Price: 100_000_001}), "/options/0/price: must be from 0 to 100000000 minor units"},

		"a customer's name":      {profile(Profile{Name: chars(100)}), ""},
		"a longer one":           {profile(Profile{Name: chars(101)}), "/name: must have at most 100 characters"},
		"no name":                {Profile{}.Validate(), "/name: must not be empty"},
		"one of two lines":       {profile(Profile{Name: "a\nb"}), "/name: must not contain control characters"},
		"an address":             {profile(Profile{Email: "a@example.com", Notify: true}), ""},
		"an address of 254":      {profile(Profile{Email: strings.Repeat("a", 242) + "@example.com"}), ""},
		"an address of 255":      {profile(Profile{Email: strings.Repeat("a", 243) + "@example.com"}), "/email: must be an e-mail address such as alice@example.com"},
		"no address":             {profile(Profile{Email: "alice"}), "/email: must be an e-mail address such as alice@example.com"},
		"an address with a name": {profile(Profile{Email: "Al <al@example.com>"}), "/email: must be an e-mail address such as alice@example.com"},
		"mail without address":   {profile(Profile{Notify: true}), "/email: must be given when notify is true"},
		"no limit":               {profile(Profile{CreditLimit: money(0)}), ""},
		"the highest limit":      {profile(Profile{CreditLimit: money(1_000_000_000_000)}), ""},
		"a higher limit":         {profile(Profile{CreditLimit: money(1_000_000_000_001)}), "/credit_limit: must be from 0 to 1000000000000 minor units"},
		"a limit below nothing":  {profile(Profile{CreditLimit: money(-1)}), "/credit_limit: must be from 0 to 1000000000000 minor units"},

		"an import":           {imported(ImportDraft{Name: chars(100), Ignore: ids(100)}), ""},
		"of menus":            {imported(ImportDraft{Kind: "menu"}), ""},
		"of a kind unknown":   {imported(ImportDraft{Kind: "cake"}), "/kind: must be orders, stock or menu"},
		"without a name":      {ImportDraft{Kind: "menu", Source: "t"}.Validate(), "/name: must not be empty"},
		"with a longer name":  {imported(ImportDraft{Name: chars(101)}), "/name: must have at most 100 characters"},
		"a name with a break": {imported(ImportDraft{Name: "a\nb"}), "/name: must not contain control characters"},
		"of a source":         {imported(ImportDraft{Source: "a b"}), "/source: " + badID},
		"101 ignored":         {imported(ImportDraft{Ignore: ids(101)}), "/ignore_items: must have at most 100 items"},
		"nothing ignored":     {imported(ImportDraft{Ignore: []string{"x", ""}}), "/ignore_items/1: must not be empty"},
		"a break ignored":     {imported(ImportDraft{Ignore: []string{"a\nb"}}), "/ignore_items/0: must not contain control characters"},

		"the least payment":       {ValidatePayment(1, "", "a\nb"), ""},
		"the highest payment":     {ValidatePayment(1_000_000_000_000, "", chars(500)), ""},
		"no payment":              {ValidatePayment(0, "", ""), "/amount: must be from 1 to 1000000000000 minor units"},
		"a higher payment":        {ValidatePayment(1_000_000_000_001, "", ""), "/amount: must be from 1 to 1000000000000 minor units"},
		"a payment's note":        {ValidatePayment(1, "", chars(501)), "/note: must have at most 500 characters"},
		"waste":                   {waste(WasteDraft{Quantity: 1_000_000, Reason: "a\nb"}), ""},
		"more waste":              {waste(WasteDraft{Quantity: 1_000_001}), "/quantity: must be from 1 to 1000000"},
		"less waste":              {waste(WasteDraft{Quantity: -1}), "/quantity: must be from 1 to 1000000"},
		"none":                    {WasteDraft{SKU: "tea"}.Validate(), "/quantity: must be from 1 to 1000000"},
		"waste of nothing":        {waste(WasteDraft{SKU: "a b"}), "/sku: " + badID},
		"waste for a long reason": {waste(WasteDraft{Reason: chars(501)}), "/reason: must have at most 500 characters"},
	} {
		if got := errorText(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func cmpOr(s, or string) string {
	if s == "" {
		return or
	}
	return s
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestFaultsThatFollowFromOthersAreLeftOut(t *testing.T) {
	var v Invalid
	if v.Err() != nil {
		t.Errorf("no fault is %v", v.Err())
	}
	if err := v.With(ErrStale); err != ErrStale {
		t.Errorf("without a fault: %v", err)
	}
	v.Add("/lines/1", "is wrong")
	v.Add("/note", "is long")
	for field, want := range map[string]bool{"/lines/1": true, "/lines/1/sku": true, "/lines": false, "/lines/12": false, "/lines/2": false, "/note": true, "/notes": false} {
		if got := v.Covers(field); got != want {
			t.Errorf("covers %s: %t", field, got)
		}
	}
	v.Require("/note")
	v.Require("/sku")
	more := Invalid{{"/lines", "follows"}, {"/lines/1/sku", "follows"}, {"/lines/2", "is new"}, {"/line", "is new"}}
	want := "/lines/1: is wrong; /note: is long; /sku: is required; /lines/2: is new; /line: is new"
	if got := errorText(v.With(more)); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := errorText(v.With(ErrStale)); got != "/lines/1: is wrong; /note: is long; /sku: is required" {
		t.Errorf("with another error: %q", got)
	}
}

func TestIDsAreOfTheCharactersThatTheContractNames(t *testing.T) {
	for c := range 256 {
		want := strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", rune(c)) && c < 128
		if got := ValidID(string([]byte{byte(c)})); got != want {
			t.Errorf("an id of the byte %q: %t", rune(c), got)
		}
	}
	for n, want := range map[int]bool{0: false, 1: true, 64: true, 65: false} {
		if got := ValidID(strings.Repeat("a", n)); got != want {
			t.Errorf("an id of %d characters: %t", n, got)
		}
	}
}

func TestADerivedIDHangsOnEachPartAndOnNothingElse(t *testing.T) {
	// The id as it was in v0.1.0: orders placed then are found by it.
	if got := DeriveID("order", "customer", "alice", "breakfast-1"); got != "TS8G5UJI43QD5PA2052O5AH594" {
		t.Errorf("the id of alice's breakfast is %s", got)
	}
	seen := map[string]int{}
	for i, parts := range [][]string{{}, {""}, {"", ""}, {"a"}, {"a", ""}, {"", "a"}, {"a", "b"}, {"ab"}, {"b", "a"}, {"a\x00b"}} {
		id := DeriveID(parts...)
		if other, same := seen[id]; same || len(id) != 26 || !ValidID(id) || id != DeriveID(parts...) {
			t.Errorf("%q has the id %s; as row %d: %t", parts, id, other, same)
		}
		seen[id] = i
	}
}

func TestAnAlertsIDHangsOnItsCrossingOrRestock(t *testing.T) {
	seen := map[string]bool{}
	for n := range int64(12) {
		a := Customer{ID: "alice", Crossings: n, Balance: 11}.HighBalance(10, "GBP", time.Time{})
		o := Stock{SKU: "cake", Restock: n}.OutOfStock("Cake", time.Time{})
		if want := DeriveID("high balance", "alice", []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}[n]); a.AlertID != want || a.Crossing != n || a.Balance != 11 || a.CreditLimit != 10 {
			t.Errorf("crossing %d: %+v", n, a)
		}
		if want := DeriveID("out of stock", "cake", []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11"}[n]); o.AlertID != want || o.SKU != "cake" || o.Name != "Cake" {
			t.Errorf("restock %d: %+v", n, o)
		}
		seen[a.AlertID], seen[o.AlertID] = true, true
	}
	if len(seen) != 24 {
		t.Errorf("24 alerts have %d ids", len(seen))
	}
}

func TestAnEventIsWrittenAsTheContractHasIt(t *testing.T) {
	at := time.Date(2026, 11, 29, 8, 30, 0, 123_456_000, time.FixedZone("", 3600))
	e := NewEvent(EventOrderReady, "/orders/A1", 12, at, []byte(`{"id":"A1"}`))
	want := `{"id":"` + DeriveID("event", "order.ready", "/orders/A1", "12") + `","type":"order.ready","at":"2026-11-29T07:30:00.123456Z","subject":"/orders/A1","version":12,"data":{"id":"A1"}}`
	if got := string(e.AppendJSON([]byte("> "))); got != "> "+want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, err := e.MarshalJSON(); string(got) != want || err != nil {
		t.Errorf("%s, %v", got, err)
	}
	if !EventOrderReady.Valid() || !EventImportFinished.Valid() || EventType("order.eaten").Valid() || EventType("").Valid() {
		t.Error("which types there are")
	}
}

func TestRolesAndStatusesThatThereAre(t *testing.T) {
	for role, want := range map[Role]bool{"customer": true, "staff": true, "owner": true, "": false, "guest": false} {
		if role.Valid() != want {
			t.Errorf("role %q: %t", role, !want)
		}
	}
	for status, want := range map[Status]bool{"placed": true, "preparing": true, "ready": true, "collected": true, "cancelled": true, "refunded": true, "": false, "eaten": false} {
		if status.Valid() != want {
			t.Errorf("status %q: %t", status, !want)
		}
	}
	for _, from := range Statuses {
		for _, to := range Statuses {
			want := to == "cancelled" && (from == "placed" || from == "preparing")
			if got := from.PutsStockBack(to); got != want {
				t.Errorf("from %s to %s stock goes back: %t", from, to, got)
			}
		}
	}
}

func TestAnImportThatIsFinished(t *testing.T) {
	for status, want := range map[ImportStatus]bool{ImportWaiting: false, ImportRunning: false, ImportDone: true, ImportFailed: true} {
		for _, rejected := range []int64{0, 1} {
			i := Import{Status: status, Rejected: rejected}
			if i.Finished() != want || i.HasRejects() != (status == ImportDone && rejected > 0) {
				t.Errorf("%s, %d rejected: finished %t, rejects %t", status, rejected, i.Finished(), i.HasRejects())
			}
		}
	}
}

func TestAnOrderWithoutItsNotesIsAnotherOrder(t *testing.T) {
	o := Order{
		ID: "a", Note: "no nuts", Lines: []Line{{SKU: "cake", Note: "for Ann"}, {SKU: "tea"}},
		Reckoning: Reckoning{Discounts: []Discount{{Name: "Ann's birthday", Amount: 5}, {ID: "happy", Name: "Happy hour"}}},
	}
	got := o.WithoutNotes()
	if got.Note != "" || got.Lines[0].Note != "" || got.Lines[0].SKU != "cake" || got.Reckoning.Discounts[0].Name != "Discount" || got.Reckoning.Discounts[0].Amount != 5 || got.Reckoning.Discounts[1].Name != "Happy hour" {
		t.Errorf("%+v", got)
	}
	if o.Note != "no nuts" || o.Lines[0].Note != "for Ann" || o.Reckoning.Discounts[0].Name != "Ann's birthday" {
		t.Errorf("the order itself has become %+v", o)
	}
}

func TestTheMenuIsSortedBySKU(t *testing.T) {
	m := Menu{"c": {SKU: "c"}, "a": {SKU: "a"}, "d": {SKU: "d"}, "b": {SKU: "b"}}
	var got []string
	for _, i := range m.Sorted(func(i Item) bool { return i.SKU != "b" }) {
		got = append(got, i.SKU)
	}
	if !slices.Equal(got, []string{"a", "c", "d"}) {
		t.Error(got)
	}
}

func TestAnErrorThatAReportHasNone(t *testing.T) {
	err := &NoReport{"The café was closed."}
	if err.Error() != "The café was closed." || err.Unwrap() != ErrNotFound {
		t.Errorf("%v, %v", err, err.Unwrap())
	}
	if got := (&IllegalMove{StatusPlaced, StatusRefunded}).Error(); got != "an order cannot go from placed to refunded" {
		t.Error(got)
	}
	if got := (Shortages{{}, {}}).Error(); got != "2 items are out of stock" {
		t.Error(got)
	}
}

func TestAnAmountInACurrencyThatIsNotKnownHasTwoDecimals(t *testing.T) {
	for m, want := range map[Money]string{0: "0.00", 5: "0.05", -5: "-0.05", 1234: "12.34"} {
		if got := m.Major("XYZ"); got != want {
			t.Errorf("%d is %s, want %s", m, got, want)
		}
	}
}

func TestWhatIsNoAmountIsNothing(t *testing.T) {
	for _, text := range []string{"", "4.x", "x.4", "4.205", "99999999999999999999", "4:5"} {
		if got, err := ParseMajor(text, "GBP"); err == nil || got != 0 {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
	if got, err := ParseRate("1.x"); err == nil || got != 0 {
		t.Errorf("1.x %% is %d, %v", got, err)
	}
	if got, err := Money(1).Add(1<<63 - 1); err == nil || got != 0 {
		t.Errorf("too much is %d, %v", got, err)
	}
	if got, err := Money(2).Times(1 << 62); err == nil || got != 0 {
		t.Errorf("too much is %d, %v", got, err)
	}
	for _, text := range []string{"2017-3-18", "2017-02-29", "2017-03-18T", ""} {
		if got, err := ParseDay(text); err == nil || got != "" {
			t.Errorf("%q is %s, %v", text, got, err)
		}
	}
}

func TestTheLastOrderIsTheNewestSaleAndNeverAPayment(t *testing.T) {
	at := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	c := NewCustomer("alice")
	for _, e := range []Entry{
		{Kind: EntryOrder, At: at, Tab: 5},
		{Kind: EntryPayment, At: at.Add(time.Hour), Tab: -5},
		{Kind: EntryOrder, At: at.Add(-time.Hour), Tab: 5},
		{Kind: EntryOrder, NoSale: true, At: at.Add(time.Hour)},
	} {
		if err := c.Post(Entry{}, e); err != nil || !c.LastOrderAt.Equal(at) {
			t.Errorf("after %+v: %v, %v", e, c.LastOrderAt, err)
		}
	}
	for _, e := range []Entry{{Tab: 1<<63 - 1}, {Revenue: 1<<63 - 1}} {
		full := Customer{Balance: 1, Spent: 1}
		if err := full.Post(Entry{}, e); err != ErrOverflow || full.Balance != 1 || full.Spent != 1 {
			t.Errorf("%v, %+v", err, full)
		}
	}
}

// Each total that an entry adds to is compared: otherwise reconcile would leave it as it is.
func TestEntriesThatDifferInOneThingContributeDifferently(t *testing.T) {
	full := func() Entry {
		return Entry{
			Kind: EntryOrder, Status: StatusPlaced, Tab: 12, Revenue: 10, Items: []EntryItem{{"tea", 1, 10}}, Net: 8, Pricing: 3,
			Taxes: []EntryTax{{"vat", 8, 2}}, Discount: 1, Charge: 1, Tip: 2,
			Tenders: []EntryTender{{Method: TenderAccount, Amount: 12, Count: 1}},
		}
	}
	for what, change := range map[string]func(*Entry){
		"counts": func(e *Entry) { e.Status = StatusCancelled }, "deleted": func(e *Entry) { e.Deleted = true },
		"tab": func(e *Entry) { e.Tab++ }, "revenue": func(e *Entry) { e.Revenue++ }, "items": func(e *Entry) { e.Items[0].Quantity++ },
		"net": func(e *Entry) { e.Net++ }, "pricing": func(e *Entry) { e.Pricing++ }, "taxes": func(e *Entry) { e.Taxes[0].Amount++ },
		"discount": func(e *Entry) { e.Discount++ }, "charge": func(e *Entry) { e.Charge++ }, "tip": func(e *Entry) { e.Tip++ },
		"no sale": func(e *Entry) { e.NoSale = true }, "tenders": func(e *Entry) { e.Tenders[0].Amount++ },
		"refunds": func(e *Entry) { e.Refunds = []Reversal{{Amount: 1}} },
	} {
		e := full()
		change(&e)
		if full().SameContribution(e) || e.SameContribution(full()) {
			t.Errorf("another %s is not seen", what)
		}
	}
	moved := full()
	moved.Status = StatusReady
	if !full().SameContribution(moved) {
		t.Error("a mere move contributes the same")
	}
}

func TestWhatIsNoAmountIsSaidSo(t *testing.T) {
	for _, text := range []string{"4.x", "x.4", "4:5", "4.", ".5", ""} {
		if _, err := ParseMajor(text, "GBP"); err == nil || !strings.Contains(err.Error(), "is not an amount such as 4.20") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if n, err := Exponent("XYZ"); n != 0 || err == nil {
		t.Errorf("XYZ has %d decimals, %v", n, err)
	}
	if m, err := ParseMajor("1", "XYZ"); m != 0 || err == nil {
		t.Errorf("1 XYZ is %d, %v", m, err)
	}
}

func TestANewCustomerHasTheCafesLimitAndAnAlertToCome(t *testing.T) {
	c := NewCustomer("alice")
	if c.ID != "alice" || !c.Armed || c.Version != 0 || c.Limit(700) != 700 {
		t.Errorf("%+v, limit %d", c, c.Limit(700))
	}
	if c.CreditLimit = money(0); c.Limit(700) != 0 {
		t.Errorf("with a limit of 0 it is %d", c.Limit(700))
	}
}
