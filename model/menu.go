package model

import (
	"sort"
	"strconv"
)

// Limits of a menu item.
const (
	MaxName    = 100 // characters in the name of an item, an option, a category or a customer
	MaxOptions = 20  // options of an item
)

// Item is something the café sells.
type Item struct {
	SKU      string
	Name     string
	Category string
	TaxClass string // empty: StandardClass
	Price    Money  // of one unit without options
	Options  []Option
	Counted  bool // has stock and can run out; the others never do
	Active   bool // can be ordered
}

// Option is a choice for an item, with a price that may be 0.
type Option struct {
	ID    string
	Name  string
	Price Money
}

// Option returns the option with the id, and whether the item has it.
func (i Item) Option(id string) (Option, bool) {
	for _, o := range i.Options {
		if o.ID == id {
			return o, true
		}
	}
	return Option{}, false
}

// Validate returns an Invalid with all faults, or nil.
func (i Item) Validate() error {
	var faults Invalid
	if !ValidID(i.SKU) {
		faults.Add("/sku", badID)
	}
	faults.CheckText("/name", i.Name, 1, MaxName, false)
	faults.CheckText("/category", i.Category, 0, MaxName, false)
	if i.TaxClass != "" && !ValidID(i.TaxClass) {
		faults.Add("/tax_class", badID)
	}
	faults.checkPrice("/price", i.Price)
	if len(i.Options) > MaxOptions {
		faults.Add("/options", "must have at most "+strconv.Itoa(MaxOptions)+" options")
	}
	seen := make(map[string]bool, len(i.Options))
	for n, o := range i.Options {
		at := "/options/" + strconv.Itoa(n)
		switch {
		case !ValidID(o.ID):
			faults.Add(at+"/id", badID)
		case seen[o.ID]:
			faults.Add(at+"/id", "appears twice")
		}
		seen[o.ID] = true
		faults.CheckText(at+"/name", o.Name, 1, MaxName, false)
		faults.checkPrice(at+"/price", o.Price)
	}
	return faults.Err()
}

func (v *Invalid) checkPrice(field string, price Money) {
	if price < 0 || price > MaxPrice {
		v.Add(field, "must be from 0 to "+strconv.FormatInt(int64(MaxPrice), 10)+" minor units")
	}
}

// Menu is the items that the café sells, by SKU.
type Menu map[string]Item

// Sorted returns the items that keep lets through, by SKU.
func (m Menu) Sorted(keep func(Item) bool) []Item {
	items := make([]Item, 0, len(m))
	for _, i := range m {
		if keep(i) {
			items = append(items, i)
		}
	}
	// slices.SortFunc would be 27 KB more in every function.
	sort.Slice(items, func(i, j int) bool { return items[i].SKU < items[j].SKU })
	return items
}
