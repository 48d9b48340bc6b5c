package till

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"

	"cafe/model"
	"cafe/model/till/parse"
)

var menuLayout = layout{
	kind: "A menu file",
	names: names{
		fieldSKU: {"sku"}, fieldName: {"name"}, fieldCategory: {"category"}, fieldTaxClass: {"tax_class"}, fieldPrice: {"price"},
		fieldCounted: {"counted"}, fieldActive: {"active"}, fieldOptions: {"options"},
	},
	needs: []need{
		{"the SKU", [][]field{{fieldSKU}}, "sku"},
		{"the name", [][]field{{fieldName}}, "name"},
		{"the price", [][]field{{fieldPrice}}, "price"},
	},
}

// MenuItem is an item of an uploaded menu.
type MenuItem struct {
	Entry
	Item model.Item
}

// ReadMenu reads a menu. A column that the file does not have leaves that part of the
// items on Rules.Menu as it is. So does an empty cell of counted or active. A new item
// is not counted and is active unless the file says otherwise. Rows that repeat an item
// must agree. Names are returned in Unicode NFC. Errors are as of ReadOrders.
func ReadMenu(ctx context.Context, src io.Reader, rules Rules) (*File[MenuItem], error) {
	u, in, err := open(src, rules, menuLayout)
	if err != nil {
		return nil, err
	}
	f := &menuFile{u, make(map[string]string, len(rules.Menu))}
	for sku := range rules.Menu {
		f.skus[strings.ToLower(sku)] = sku
	}
	if err := u.read(ctx, in, f.place); err != nil {
		u.Close()
		return nil, err
	}
	return &File[MenuItem]{u, f.items}, nil
}

type menuFile struct {
	*upload
	skus map[string]string // on the menu, by their lower case
}

func (f *menuFile) place(r row) error {
	if sku := f.cols.cell(r.cells, fieldSKU); sku != "" {
		return f.keep(r.named(nil, strings.ToLower(sku)), r)
	}
	return f.keep(r.alone(nil), r)
}

func (f *menuFile) items(yield func(MenuItem, error) bool) {
	for g, err := range f.groups() {
		if err != nil {
			yield(MenuItem{}, err)
			return
		}
		if !yield(f.menuItem(g), nil) {
			return
		}
	}
}

func (f *menuFile) menuItem(g *group) MenuItem {
	m := MenuItem{Entry: f.entry(g)}
	first := 0 // the line of the first good row
	for i, row := range g.rows {
		if !f.sound(&m.Entry, row) {
			continue
		}
		r, before := m.Rows[i], len(m.Problems)
		item := f.item(&m.Entry, r)
		switch {
		case len(m.Problems) > before:
		case first == 0:
			m.Item, first = item, r.Line
		case !sameItem(m.Item, item):
			m.add(r.Line, f.cols.name(r.Cells, fieldSKU), parse.Excerpt(item.SKU)+" is not what line "+strconv.Itoa(first)+" says of the same item")
		}
	}
	return m
}

func sameItem(a, b model.Item) bool {
	return a.SKU == b.SKU && a.Name == b.Name && a.Category == b.Category && a.TaxClass == b.TaxClass && a.Price == b.Price &&
		a.Counted == b.Counted && a.Active == b.Active && slices.Equal(a.Options, b.Options)
}

// item reads a row.
func (f *menuFile) item(e *Entry, r Row) model.Item {
	sku, _ := f.text(e, r, fieldSKU)
	item, known := f.rules.Menu[sku]
	if !known {
		item = model.Item{SKU: sku, Active: true}
		if other, ok := f.skus[strings.ToLower(sku)]; ok {
			f.bad(e, r, fieldSKU, "is on the menu as "+strconv.Quote(other))
		}
	}
	before := len(e.Problems)
	name, _ := f.text(e, r, fieldName)
	item.Name = parse.NFC(name)
	if f.cols.has(fieldCategory) {
		category, _ := f.text(e, r, fieldCategory)
		item.Category = parse.NFC(category)
	}
	if f.cols.has(fieldTaxClass) {
		item.TaxClass, _ = f.text(e, r, fieldTaxClass)
		if item.TaxClass == model.StandardClass {
			item.TaxClass = ""
		}
	}
	cell, _ := f.text(e, r, fieldPrice)
	item.Price, _ = f.money(e, r, fieldPrice, cell, model.MaxPrice)
	item.Counted = f.yes(e, r, fieldCounted, item.Counted)
	item.Active = f.yes(e, r, fieldActive, item.Active)
	if f.cols.has(fieldOptions) {
		cell, _ := f.text(e, r, fieldOptions)
		item.Options = f.options(e, r, cell)
	}
	if len(e.Problems) > before {
		return item
	}
	var invalid model.Invalid
	if errors.As(item.Validate(), &invalid) {
		for _, fault := range invalid {
			at, reason := faultOf(fault)
			f.bad(e, r, at, reason)
		}
	}
	return item
}

// faultOf returns the field that a fault of an item is in, and what it says; it turns
// a pointer such as /options/0/id into "option 1: id".
func faultOf(fault model.FieldError) (field, string) {
	name, rest, _ := strings.Cut(strings.TrimPrefix(fault.Field, "/"), "/")
	reason := fault.Message
	if number, part, ok := strings.Cut(rest, "/"); ok {
		n, _ := strconv.Atoi(number)
		reason = "option " + strconv.Itoa(n+1) + ": " + part + " " + reason
	}
	for f, names := range menuLayout.names {
		if len(names) > 0 && names[0] == name {
			return field(f), reason
		}
	}
	return fieldSKU, reason
}

// yes reads a truth value; an empty cell leaves it as it was.
func (f *menuFile) yes(e *Entry, r Row, at field, was bool) bool {
	cell, _ := f.text(e, r, at)
	switch strings.ToLower(cell) {
	case "":
		return was
	case "true", "yes", "y", "1":
		return true
	case "false", "no", "n", "0":
		return false
	}
	f.bad(e, r, at, "is not true or false")
	return was
}

// options reads "oat:Oat milk:0.40;shot:Extra shot:0.60". A name may have colons in it.
func (f *menuFile) options(e *Entry, r Row, cell string) []model.Option {
	var options []model.Option
	for part := range strings.SplitSeq(cell, ";") {
		if strings.TrimSpace(part) == "" {
			continue
		}
		id, rest, _ := strings.Cut(part, ":")
		last := strings.LastIndexByte(rest, ':')
		if last < 0 {
			f.bad(e, r, fieldOptions, "is not options such as oat:Oat milk:0.40;shot:Extra shot:0.60")
			return nil
		}
		price, ok := f.money(e, r, fieldOptions, strings.TrimSpace(rest[last+1:]), model.MaxPrice)
		if !ok {
			return nil
		}
		options = append(options, model.Option{ID: strings.TrimSpace(id), Name: parse.NFC(strings.TrimSpace(rest[:last])), Price: price})
	}
	return options
}
