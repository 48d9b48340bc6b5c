package pricing

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"cafe/model"
)

// document reads a document of testdata, strictly.
func document(t *testing.T, name string) Document {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var d Document
	if err := json.Unmarshal(b, &d, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(name, err)
	}
	return d
}

// TestDocumentsByCountry prices a coffee of 3.50 and a sandwich of 4.00, a food, with the
// documents that docs/pricing.md explains.
func TestDocumentsByCountry(t *testing.T) {
	for _, c := range []struct {
		name   string
		class  string // of the sandwich
		dining model.Dining
		prices [2]model.Money
		want   string
	}{
		{"uk", "cold-food", model.DiningTakeaway, [2]model.Money{350, 400}, "vat 292+58, zero 400+0: 750"},
		{"uk", "cold-food", model.DiningEatIn, [2]model.Money{350, 400}, "vat 625+125: 750"},
		{"new-york", "", model.DiningEatIn, [2]model.Money{350, 400}, "sales 750+67: 817"},
		{"germany", "food", model.DiningEatIn, [2]model.Money{350, 400}, "19 294+56, 7 374+26: 750"},
		{"germany", "food", model.DiningTakeaway, [2]model.Money{350, 400}, "19 294+56, 7 374+26: 750"},
		{"germany-2025", "food", model.DiningEatIn, [2]model.Money{350, 400}, "19 630+120: 750"},
		{"germany-2025", "food", model.DiningTakeaway, [2]model.Money{350, 400}, "19 294+56, 7 374+26: 750"},
		{"japan", "food", model.DiningTakeaway, [2]model.Money{350, 400}, "10 319+31, 8 371+29: 750"},
		{"japan", "food", model.DiningEatIn, [2]model.Money{350, 400}, "10 682+68: 750"},
		{"canada", "", model.DiningTakeaway, [2]model.Money{350, 400}, "gst 750+38, pst 750+45: 833"},
		{"switzerland", "food", model.DiningTakeaway, [2]model.Money{350, 400}, "normal 324+26, reduced 390+10: 750"},
		{"switzerland", "food", model.DiningEatIn, [2]model.Money{350, 400}, "normal 694+56: 750"},
	} {
		t.Run(c.name+" "+string(c.dining), func(t *testing.T) {
			tariff, err := New(1, document(t, c.name))
			if err != nil {
				t.Fatal(err)
			}
			menu := model.Menu{
				"coffee":   {SKU: "coffee", Price: c.prices[0], Active: true},
				"sandwich": {SKU: "sandwich", Price: c.prices[1], TaxClass: c.class, Active: true},
			}
			bill, err := tariff.Price(model.Draft{Dining: c.dining, Lines: []model.DraftLine{{SKU: "coffee", Quantity: 1}, {SKU: "sandwich", Quantity: 1}}}, menu, benchVisit)
			if err != nil {
				t.Fatal(err)
			}
			var taxes []string
			for _, x := range bill.Reckoning.Taxes {
				taxes = append(taxes, fmt.Sprintf("%s %d+%d", x.ID, x.Net, x.Amount))
			}
			if got := fmt.Sprintf("%s: %d", strings.Join(taxes, ", "), bill.Total); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestDocsShowTheDocuments holds docs/pricing.md to testdata.
func TestDocsShowTheDocuments(t *testing.T) {
	page, err := os.ReadFile("../../docs/pricing.md")
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		shown[strings.TrimSpace(block[1])] = true
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.TrimSpace(string(b)); !shown[text] {
			t.Errorf("docs/pricing.md does not show %s as it is", file)
		}
	}
	if len(shown) != len(files) {
		t.Errorf("docs/pricing.md shows %d documents, testdata has %d", len(shown), len(files))
	}
}

func TestDocumentIsWrittenAsItWasRead(t *testing.T) {
	d := document(t, "offers")
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var again Document
	if err := json.Unmarshal(b, &again, json.RejectUnknownMembers(true)); err != nil {
		t.Fatal(err)
	}
	again.Offers[0].SKUs, again.Offers[0].Roles = []string{}, []model.Role{} // empty lists are left out
	if !reflect.DeepEqual(again, d) {
		t.Errorf("%+v\n%+v", again, d)
	}
}

// TestDocumentNamesEveryFault spoils one thing of a good document at a time.
func TestDocumentNamesEveryFault(t *testing.T) {
	on := []Applies{{Class: "standard"}}
	good := func() Document {
		return Document{
			Taxes: []Tax{
				{ID: "vat", Name: "VAT", Rate: "20", Inclusive: true, Applies: on},
				{ID: "levy", Name: "Levy", Rate: "1.2345", Applies: on},
			},
			Charges: []Charge{{ID: "service", Name: "Service", Percent: "12.5", Dining: []model.Dining{model.DiningEatIn}}},
			Offers:  []Offer{{ID: "happy", Name: "Happy hour", Percent: "20", Categories: []string{"cake"}, Days: []string{"mon"}, From: "15:00", To: "17:00", StartsOn: "2026-11-23", EndsOn: "2026-11-29"}},
		}
	}
	if err := good().Validate(); err != nil {
		t.Fatal(err)
	}
	tax := func(change func(*Tax)) func(*Document) { return func(d *Document) { change(&d.Taxes[0]) } }
	charge := func(change func(*Charge)) func(*Document) { return func(d *Document) { change(&d.Charges[0]) } }
	offer := func(change func(*Offer)) func(*Document) { return func(d *Document) { change(&d.Offers[0]) } }
	for _, c := range []struct {
		want  string
		spoil func(*Document)
	}{
		{"/rounding", func(d *Document) { d.Rounding = "up" }},
		{"/taxes", func(d *Document) { d.Taxes = make([]Tax, 33) }},
		{"/charges", func(d *Document) { d.Charges = make([]Charge, 11) }},
		{"/offers", func(d *Document) { d.Offers = make([]Offer, 101) }},
		{"/taxes/0/id", tax(func(x *Tax) { x.ID = "" })},
		{"/taxes/1/id", tax(func(x *Tax) { x.ID = "levy" })},
		{"/taxes/0/id", tax(func(x *Tax) { x.ID = "till" })},
		{"/taxes/0/name", tax(func(x *Tax) { x.Name = "" })},
		{"/taxes/0/name", tax(func(x *Tax) { x.Name = strings.Repeat("n", 101) })},
		{"/taxes/0/rate", tax(func(x *Tax) { x.Rate = "" })},
		{"/taxes/0/rate", tax(func(x *Tax) { x.Rate = "-1" })},
		{"/taxes/0/rate", tax(func(x *Tax) { x.Rate = "20 %" })},
		{"/taxes/0/rate", tax(func(x *Tax) { x.Rate = "8.87501" })},
		{"/taxes/0/rate", tax(func(x *Tax) { x.Rate = "100" })},
		{"/taxes/0/rate", tax(func(x *Tax) { x.Rate = "1e1" })},
		{"/taxes/1/name", tax(func(x *Tax) { x.Name, x.Rate, x.Inclusive = "Levy", "1.2345", false })},
		{"/taxes/1/rate", func(d *Document) { d.Taxes[1].Rate, d.Taxes[1].Inclusive = "80", true }},
		{"/taxes/0/applies", tax(func(x *Tax) { x.Applies = nil })},
		{"/taxes/0/applies/0/class", tax(func(x *Tax) { x.Applies = []Applies{{Class: "two words"}} })},
		{"/taxes/0/applies/0/dining", tax(func(x *Tax) { x.Applies = []Applies{{Class: "a", Dining: "car"}} })},
		{"/taxes/0/applies/1", tax(func(x *Tax) { x.Applies = []Applies{{Class: "a"}, {Class: "a", Dining: model.DiningEatIn}} })},
		{"/charges/0/id", charge(func(x *Charge) { x.ID = "ü" })},
		{"/charges/0/name", charge(func(x *Charge) { x.Name = "" })},
		{"/charges/0/percent", charge(func(x *Charge) { x.Percent = "0" })},
		{"/charges/0/percent", charge(func(x *Charge) { x.Percent = "100.5" })},
		{"/charges/0/dining/0", charge(func(x *Charge) { x.Dining = []model.Dining{"bar"} })},
		{"/charges/0/dining/1", charge(func(x *Charge) { x.Dining = []model.Dining{"eat_in", "eat_in"} })},
		{"/charges/0/tax_class", charge(func(x *Charge) { x.TaxClass = "a b" })},
		{"/offers/1/id", func(d *Document) { d.Offers = append(d.Offers, d.Offers[0]) }},
		{"/offers/0/name", offer(func(x *Offer) { x.Name = "a\nb" })},
		{"/offers/0", offer(func(x *Offer) { x.Percent = "" })},
		{"/offers/0", offer(func(x *Offer) { x.Amount = 5 })},
		{"/offers/0/percent", offer(func(x *Offer) { x.Percent = "0.00" })},
		{"/offers/0/percent", offer(func(x *Offer) { x.Percent = "101" })},
		{"/offers/0/amount", offer(func(x *Offer) { x.Percent, x.Amount = "", -1 })},
		{"/offers/0/skus/0", offer(func(x *Offer) { x.SKUs = []string{""} })},
		{"/offers/0/categories/0", offer(func(x *Offer) { x.Categories = []string{""} })},
		{"/offers/0/days/1", offer(func(x *Offer) { x.Days = []string{"mon", "monday"} })},
		{"/offers/0/days/1", offer(func(x *Offer) { x.Days = []string{"mon", "mon"} })},
		{"/offers/0/roles/0", offer(func(x *Offer) { x.Roles = []model.Role{"guest"} })},
		{"/offers/0/code", offer(func(x *Offer) { x.Code = "two words" })},
		{"/offers/0/from", offer(func(x *Offer) { x.From = "3pm" })},
		{"/offers/0/from", offer(func(x *Offer) { x.From = "9:00" })},
		{"/offers/0/to", offer(func(x *Offer) { x.To = "24:00" })},
		{"/offers/0/to", offer(func(x *Offer) { x.To = "15:00" })},
		{"/offers/0/starts_on", offer(func(x *Offer) { x.StartsOn = "2026-02-29" })},
		{"/offers/0/ends_on", offer(func(x *Offer) { x.EndsOn = "2026-11-22" })},
		{"/offers/0/days", offer(func(x *Offer) { x.StartsOn = "2026-11-24" })}, // a Tuesday, until Sunday
	} {
		d := good()
		c.spoil(&d)
		faults, _ := d.Validate().(model.Invalid)
		if len(faults) != 1 || faults[0].Field != c.want {
			t.Errorf("%v, want one fault at %s", faults, c.want)
		}
		if _, err := New(1, d); err == nil {
			t.Errorf("a document with a fault at %s is taken", c.want)
		}
	}
}

func TestOffersGoByTheCafesClock(t *testing.T) {
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Skip("no time zones here: " + err.Error())
	}
	tariff, err := New(1, document(t, "offers"))
	if err != nil {
		t.Fatal(err)
	}
	menu := model.Menu{
		"cake":      {SKU: "cake", Category: "Cake", Price: 400, Active: true},
		"croissant": {SKU: "croissant", Category: "pastry", Price: 200, Active: true},
	}
	for _, c := range []struct {
		at, sku string
		role    model.Role
		codes   []string
		want    string
	}{
		{"2026-11-23T15:00:00Z", "cake", model.RoleCustomer, nil, "happy=80"}, // a Monday
		{"2026-11-23T16:59:59Z", "cake", model.RoleCustomer, nil, "happy=80"},
		{"2026-11-23T17:00:00Z", "cake", model.RoleCustomer, nil, ""},
		{"2026-11-23T14:59:59Z", "cake", model.RoleCustomer, nil, ""},
		{"2026-11-25T15:30:00Z", "cake", model.RoleCustomer, nil, ""},         // a Wednesday
		{"2026-07-06T14:30:00Z", "cake", model.RoleCustomer, nil, "happy=80"}, // 15:30 in summer
		{"2026-11-23T15:30:00Z", "croissant", model.RoleCustomer, nil, ""},
		{"2026-11-23T22:00:00Z", "croissant", model.RoleCustomer, nil, "late=100"},
		{"2026-11-24T01:59:00Z", "croissant", model.RoleCustomer, nil, "late=100"},
		{"2026-11-24T02:00:00Z", "croissant", model.RoleCustomer, nil, ""},
		{"2026-11-23T16:00:00Z", "cake", model.RoleStaff, nil, "happy=80 crew=96"},
		{"2026-11-23T16:00:00Z", "cake", model.RoleCustomer, []string{"student"}, "happy=80 student=100"},
		{"2026-11-25T16:00:00Z", "cake", model.RoleOwner, []string{"STUDENT"}, "crew=120 student=100"},
	} {
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		visit := Visit{Role: c.role, At: at, Calendar: model.Calendar{Zone: london, Cutoff: 4 * time.Hour}}
		bill, err := tariff.Price(model.Draft{Codes: c.codes, Lines: []model.DraftLine{{SKU: c.sku, Quantity: 1}}}, menu, visit)
		var got []string
		for _, d := range bill.Reckoning.Discounts {
			got = append(got, fmt.Sprintf("%s=%d", d.ID, d.Amount))
		}
		if text := strings.Join(got, " "); err != nil || text != c.want {
			t.Errorf("%s at %s by %s: %q, %v; want %q", c.sku, c.at, c.role, text, err, c.want)
		}
	}
}

// TestOfferAtTheCutoff looks at spans with one end: the business day's own end counts.
func TestOfferAtTheCutoff(t *testing.T) {
	day := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		from, to string
		hour     int
		want     bool
	}{
		{"20:00", "", 19, false}, {"20:00", "", 20, true}, {"20:00", "", 27, true}, {"20:00", "", 28, false},
		{"", "11:00", 4, true}, {"", "11:00", 10, true}, {"", "11:00", 11, false}, {"", "11:00", 27, false},
		{"", "04:00", 12, true}, {"04:00", "", 3, true}, {"03:00", "05:00", 4, true}, {"03:00", "05:00", 5, false},
	} {
		o := newOffer(Offer{From: c.from, To: c.to})
		now := moment{visit: Visit{At: day.Add(time.Duration(c.hour) * time.Hour), Calendar: model.Calendar{Cutoff: 4 * time.Hour}}}
		if got := o.open(&now); got != c.want {
			t.Errorf("from %q to %q at hour %d: %t", c.from, c.to, c.hour, got)
		}
	}
}

func TestBadInputIsNamed(t *testing.T) {
	tariff, err := New(1, document(t, "offers"))
	if err != nil {
		t.Fatal(err)
	}
	menu := model.Menu{"tea": {SKU: "tea", Category: "tea", Price: 200, Active: true}}
	for _, c := range []struct {
		name  string
		role  model.Role
		draft model.Draft
		want  []string
	}{
		{"a code of nobody", model.RoleCustomer, model.Draft{Codes: []string{"NOBODY"}}, []string{"/codes/0"}},
		{"a code twice", model.RoleCustomer, model.Draft{Codes: []string{"STUDENT", "student"}}, []string{"/codes/1"}},
		{"a customer's discount", model.RoleCustomer, model.Draft{Discounts: []model.DraftDiscount{amountOff(5)}}, []string{"/discounts"}},
		{"a discount of nobody", "", model.Draft{Discounts: []model.DraftDiscount{amountOff(5)}}, []string{"/discounts"}},
		{"a tip of nobody", "", model.Draft{Tip: 5}, []string{"/tip"}},
		{"a negative tip", model.RoleOwner, model.Draft{Tip: -1}, []string{"/tip"}},
		{"all at once", "guest", model.Draft{Tip: 5, Codes: []string{"x"}, Discounts: []model.DraftDiscount{amountOff(5)}}, []string{"/discounts", "/tip", "/codes/0"}},
		{"nothing", model.RoleStaff, model.Draft{Tip: 5, Codes: []string{"Student"}, Discounts: []model.DraftDiscount{amountOff(5)}}, nil},
	} {
		c.draft.Lines = []model.DraftLine{{SKU: "tea", Quantity: 1}}
		_, err := tariff.Price(c.draft, menu, Visit{Role: c.role})
		var got []string
		faults, _ := err.(model.Invalid)
		for _, f := range faults {
			got = append(got, f.Field)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestCodesThatGiveNothingAreRefused(t *testing.T) {
	tariff, err := New(1, Document{Offers: []Offer{
		{ID: "cake", Name: "Cake", Percent: "10", Categories: []string{"cake"}, Code: "CAKE"},
		{ID: "old", Name: "Old", Percent: "10", EndsOn: "2020-01-01", Code: "OLD"},
		{ID: "new", Name: "New", Percent: "10", StartsOn: "2020-01-02", Code: "NEW"},
		{ID: "new-before", Name: "New", Percent: "5", EndsOn: "2020-01-01", Code: "NEW"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	menu := model.Menu{"tea": {SKU: "tea", Category: "tea", Price: 200, Active: true}}
	for code, want := range map[string]string{
		"CAKE": "/codes/0: is for nothing in this order", "OLD": "/codes/0: is not good now, or not for you", "new": "", "TEA": "/codes/0: is not a code of this café",
	} {
		_, err := tariff.Price(model.Draft{Codes: []string{code}, Lines: []model.DraftLine{{SKU: "tea", Quantity: 1}}}, menu, benchVisit)
		if got := fmt.Sprint(err); want == "" && err != nil || want != "" && got != want {
			t.Errorf("%s: %v, want %q", code, err, want)
		}
	}
}
