package pricing

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"cafe/model"
)

// Limits of a document. Taxes of a line are a set in 32 bits.
const (
	maxTaxes   = 32
	maxCharges = 10
	maxOffers  = 100
	maxListed  = 100 // members of one list of an offer or tax
)

// Document is the pricing document as the owner writes it, in JSON's words. Validate
// says what is wrong with it; the zero Document has no taxes, charges or offers.
type Document struct {
	Rounding Rounding `json:"rounding,omitempty"` // empty: half_up
	Taxes    []Tax    `json:"taxes"`
	Charges  []Charge `json:"charges"`
	Offers   []Offer  `json:"offers"`
}

// Rounding says what becomes of half a minor unit, for discounts, charges and taxes
// alike.
type Rounding string

// The ways to round. All amounts here are positive, so up is away from zero.
const (
	HalfUp   Rounding = "half_up"
	HalfEven Rounding = "half_even"
	Down     Rounding = "down"
)

// Tax is a tax on lines and charges of some classes.
type Tax struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	Rate      string    `json:"rate"`      // a percentage below 100, up to 4 decimals
	Inclusive bool      `json:"inclusive"` // contained in prices; else added to them
	Applies   []Applies `json:"applies"`   // at least one
}

// Applies is a class of items that a tax is on.
type Applies struct {
	Class  string       `json:"class"`
	Dining model.Dining `json:"dining,omitempty"` // empty: both
}

// Charge is added to every order of its dining.
type Charge struct {
	ID       string         `json:"id"`
	Name     string         `json:"name"`
	Percent  string         `json:"percent"`             // of the discounted lines
	Dining   []model.Dining `json:"dining,omitempty"`    // empty: both
	TaxClass string         `json:"tax_class,omitempty"` // empty: model.StandardClass
}

// Offer is a discount that the café gives by itself or for a code. It is of lines when
// it names items or categories, else of the order. An amount is taken once, from all
// its lines together.
//
// Days and dates are business days; from and to are the clock on the wall, from
// included and to not. A span such as 22:00 to 02:00 goes over midnight. With one end
// left out, the business day's own end counts.
type Offer struct {
	ID         string       `json:"id"`
	Name       string       `json:"name"`
	Percent    string       `json:"percent,omitempty"`
	Amount     model.Money  `json:"amount,omitzero"`
	SKUs       []string     `json:"skus,omitempty"`
	Categories []string     `json:"categories,omitempty"` // without regard to case
	Days       []string     `json:"days,omitempty"`       // mon to sun; empty: all
	From       string       `json:"from,omitempty"`       // 15:00
	To         string       `json:"to,omitempty"`
	StartsOn   model.Day    `json:"starts_on,omitempty"`
	EndsOn     model.Day    `json:"ends_on,omitempty"` // included
	Code       string       `json:"code,omitempty"`    // empty: applies by itself
	Roles      []model.Role `json:"roles,omitempty"`   // of who orders; empty: everyone
}

// Validate returns a model.Invalid that names every field at fault by JSON pointer, or
// nil. Refused is what cannot be reckoned with, and what cannot be meant: an offer that
// can never apply, a tax that a receipt could not tell from another (the same id, or
// the same name, rate and inclusion), and inclusive taxes that make up the whole price.
func (d Document) Validate() error {
	var faults model.Invalid
	switch d.Rounding {
	case "", HalfUp, HalfEven, Down:
	default:
		faults.Add("/rounding", "must be half_up, half_even or down")
	}
	checkCount(&faults, "/taxes", len(d.Taxes), maxTaxes)
	checkCount(&faults, "/charges", len(d.Charges), maxCharges)
	checkCount(&faults, "/offers", len(d.Offers), maxOffers)
	if len(faults) > 0 {
		return faults
	}
	d.checkTaxes(&faults)
	d.checkCharges(&faults)
	d.checkOffers(&faults)
	return faults.Err()
}

// checkCount notes a list that is too long, and reports whether it is not.
func checkCount(faults *model.Invalid, field string, n, most int) bool {
	if n > most {
		faults.Add(field, "must have at most "+strconv.Itoa(most)+" members")
	}
	return n <= most
}

const (
	badID    = "must be 1 to 64 characters of A–Z, a–z, 0–9, _ and -"
	isTwice  = "appears twice"
	badRates = "must be a percentage such as 8.875, with up to 4 decimals"
)

// checkID notes an id that is none, or that is in seen already.
func checkID(faults *model.Invalid, field, id string, seen map[string]bool) {
	switch {
	case !model.ValidID(id):
		faults.Add(field, badID)
	case seen[id]:
		faults.Add(field, isTwice)
	}
	seen[id] = true
}

func (d Document) checkTaxes(faults *model.Invalid) {
	ids, shown := map[string]bool{}, map[string]bool{}
	inclusive := map[taxed]model.Rate{}
	for i, tax := range d.Taxes {
		at := "/taxes/" + strconv.Itoa(i)
		checkID(faults, at+"/id", tax.ID, ids)
		if tax.ID == TillTax {
			faults.Add(at+"/id", "is that of what tills say in imported files")
		}
		faults.CheckText(at+"/name", tax.Name, 1, model.MaxName, false)
		rate, err := model.ParseRate(tax.Rate)
		switch {
		case err != nil:
			faults.Add(at+"/rate", badRates)
		case rate >= model.Whole:
			faults.Add(at+"/rate", "must be below 100")
		}
		look := tax.Name + "\x00" + rate.String() + strconv.FormatBool(tax.Inclusive)
		if shown[look] {
			faults.Add(at+"/name", "is that of another tax of the same rate: a receipt could not tell them apart")
		}
		shown[look] = true
		on := checkApplies(faults, at+"/applies", tax.Applies)
		if tax.Inclusive && rate < model.Whole && !fits(inclusive, on, rate) {
			faults.Add(at+"/rate", "makes the inclusive taxes on one class 100 % or more")
		}
	}
}

// fits adds a rate to the inclusive ones of what it is on, and reports whether all
// stay below 100 %.
func fits(inclusive map[taxed]model.Rate, on []taxed, rate model.Rate) bool {
	ok := true
	for _, t := range on {
		inclusive[t] += rate
		ok = ok && inclusive[t] < model.Whole
	}
	return ok
}

// taxed is a kind of amount that taxes are on.
type taxed struct {
	class  string
	dining model.Dining
}

// checkApplies returns what a tax is on, each once.
func checkApplies(faults *model.Invalid, at string, list []Applies) []taxed {
	if len(list) == 0 || len(list) > maxListed {
		faults.Add(at, "must have 1 to "+strconv.Itoa(maxListed)+" members")
		return nil
	}
	var on []taxed
	for i, a := range list {
		field := at + "/" + strconv.Itoa(i)
		if !model.ValidID(a.Class) {
			faults.Add(field+"/class", badID)
		}
		if a.Dining != "" && !a.Dining.Valid() {
			faults.Add(field+"/dining", "must be eat_in or takeaway")
			continue
		}
		news := false
		for _, dining := range dinings {
			t := taxed{a.Class, dining}
			if (a.Dining == "" || a.Dining == dining) && !slices.Contains(on, t) {
				on, news = append(on, t), true
			}
		}
		if !news {
			faults.Add(field, isTwice)
		}
	}
	return on
}

var dinings = [...]model.Dining{model.DiningEatIn, model.DiningTakeaway}

func (d Document) checkCharges(faults *model.Invalid) {
	ids := map[string]bool{}
	for i, c := range d.Charges {
		at := "/charges/" + strconv.Itoa(i)
		checkID(faults, at+"/id", c.ID, ids)
		faults.CheckText(at+"/name", c.Name, 1, model.MaxName, false)
		checkPercent(faults, at+"/percent", c.Percent)
		if c.TaxClass != "" && !model.ValidID(c.TaxClass) {
			faults.Add(at+"/tax_class", badID)
		}
		checkList(faults, at+"/dining", c.Dining, "must be eat_in or takeaway", model.Dining.Valid)
	}
}

func checkPercent(faults *model.Invalid, field, percent string) {
	rate, err := model.ParseRate(percent)
	switch {
	case err != nil:
		faults.Add(field, badRates)
	case rate == 0 || rate > model.Whole:
		faults.Add(field, "must be above 0 and at most 100")
	}
}

// checkList notes members that are none or are there twice.
func checkList[T comparable](faults *model.Invalid, at string, list []T, bad string, valid func(T) bool) {
	if !checkCount(faults, at, len(list), maxListed) {
		return
	}
	for i, member := range list {
		field := at + "/" + strconv.Itoa(i)
		switch {
		case !valid(member):
			faults.Add(field, bad)
		case slices.Contains(list[:i], member):
			faults.Add(field, isTwice)
		}
	}
}

func (d Document) checkOffers(faults *model.Invalid) {
	ids := map[string]bool{}
	for i, o := range d.Offers {
		at := "/offers/" + strconv.Itoa(i)
		checkID(faults, at+"/id", o.ID, ids)
		o.check(faults, at)
	}
}

func (o Offer) check(faults *model.Invalid, at string) {
	faults.CheckText(at+"/name", o.Name, 1, model.MaxName, false)
	switch {
	case o.Percent == "" && o.Amount == 0:
		faults.Add(at, "must have a percent or an amount, above 0")
	case o.Percent != "" && o.Amount != 0:
		faults.Add(at, "must have a percent or an amount, not both")
	case o.Percent != "":
		checkPercent(faults, at+"/percent", o.Percent)
	case o.Amount < 0 || o.Amount > model.MaxAmount:
		faults.Add(at+"/amount", "must be from 1 to "+strconv.FormatInt(int64(model.MaxAmount), 10)+" minor units")
	}
	checkList(faults, at+"/skus", o.SKUs, badID, model.ValidID)
	checkList(faults, at+"/categories", o.Categories, "must not be empty", func(s string) bool { return s != "" })
	checkList(faults, at+"/days", o.Days, "must be one of "+strings.Join(weekdays[:], ", "), func(s string) bool { return slices.Contains(weekdays[:], s) })
	checkList(faults, at+"/roles", o.Roles, "must be customer, staff or owner", model.Role.Valid)
	if o.Code != "" && !model.ValidID(o.Code) {
		faults.Add(at+"/code", badID)
	}
	from, fromErr := parseClock(o.From)
	to, toErr := parseClock(o.To)
	if fromErr != nil {
		faults.Add(at+"/from", badClock)
	}
	if toErr != nil {
		faults.Add(at+"/to", badClock)
	}
	if o.From != "" && o.To != "" && from == to && fromErr == nil && toErr == nil {
		faults.Add(at+"/to", "is the same as from: the offer would never apply")
	}
	o.checkDates(faults, at)
}

// weekdays are the names of days, in time.Weekday's order.
var weekdays = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (o Offer) checkDates(faults *model.Invalid, at string) {
	valid := func(field string, d model.Day) bool {
		if d == "" {
			return false
		}
		_, err := model.ParseDay(string(d))
		if err != nil {
			faults.Add(at+field, "must be a date such as 2017-03-18")
		}
		return err == nil
	}
	starts, ends := valid("/starts_on", o.StartsOn), valid("/ends_on", o.EndsOn)
	if !starts || !ends {
		return
	}
	if o.EndsOn < o.StartsOn {
		faults.Add(at+"/ends_on", "is before starts_on: the offer would never apply")
		return
	}
	if len(o.Days) == 0 {
		return
	}
	for day, n := o.StartsOn, 0; day <= o.EndsOn && n < 7; day, n = day.AddDays(1), n+1 {
		if slices.Contains(o.Days, weekdays[day.Weekday()]) {
			return
		}
	}
	faults.Add(at+"/days", "has no day from starts_on to ends_on: the offer would never apply")
}

const badClock = "must be a time of day such as 15:00"

// parseClock returns minutes since midnight; 0 for an empty text.
func parseClock(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	t, err := time.Parse("15:04", s)
	if err != nil || len(s) != len("15:04") {
		return 0, errClock
	}
	return t.Hour()*60 + t.Minute(), nil
}
