package till

import (
	"context"
	"io"
	"strconv"

	"cafe/model"
	"cafe/model/till/parse"
)

// MaxOnHand is the highest number of one item that may be on the shelf.
const MaxOnHand = 1_000_000

var stockLayout = layout{
	kind:  "A stock file",
	names: names{fieldSKU: {"sku"}, fieldOnHand: {"on_hand"}},
	needs: []need{
		{"the item", [][]field{{fieldSKU}}, "sku"},
		{"the number on hand", [][]field{{fieldOnHand}}, "on_hand"},
	},
}

// Count is how many of an item are on the shelf.
type Count struct {
	Entry
	SKU    string // as the menu has it
	OnHand int64  // absolute, 0 to MaxOnHand
}

// ReadStock reads a stock count. Rules.Menu says which items there are and which of
// them are counted; without one every SKU is taken. Rows that repeat an item must
// agree. Errors are as of ReadOrders.
func ReadStock(ctx context.Context, src io.Reader, rules Rules) (*File[Count], error) {
	u, in, err := open(src, rules, stockLayout)
	if err != nil {
		return nil, err
	}
	f := &stockFile{u, newFinder(rules.Menu)}
	if err := u.read(ctx, in, f.place); err != nil {
		u.Close()
		return nil, err
	}
	return &File[Count]{u, f.counts}, nil
}

type stockFile struct {
	*upload
	finder *finder
}

// find returns the item that a row counts, and what is wrong with it.
func (f *stockFile) find(cells []string) (model.Item, string) {
	cell := f.cols.cell(cells, fieldSKU)
	switch {
	case cell == "":
		return model.Item{}, "is empty"
	case f.rules.Menu != nil:
		item, reason := f.finder.find(cell, parse.FoldItem(cell))
		if reason == "" && !item.Counted {
			reason = "is not a counted item, so it has no stock"
		}
		return item, reason
	case !model.ValidID(cell):
		return model.Item{}, notID(cell)
	}
	return model.Item{SKU: cell}, ""
}

// place keeps a row with the others of its item.
func (f *stockFile) place(r row) error {
	item, _ := f.find(r.cells)
	switch cell := f.cols.cell(r.cells, fieldSKU); {
	case item.SKU != "":
		return f.keep(r.named(nil, item.SKU), r)
	case cell != "":
		return f.keep(r.named(nil, parse.FoldItem(cell)), r)
	}
	return f.keep(r.alone(nil), r)
}

func (f *stockFile) counts(yield func(Count, error) bool) {
	for g, err := range f.groups() {
		if err != nil {
			yield(Count{}, err)
			return
		}
		if !yield(f.count(g), nil) {
			return
		}
	}
}

func (f *stockFile) count(g *group) Count {
	c := Count{Entry: f.entry(g)}
	first := 0 // the line that said how many
	for i, row := range g.rows {
		if !f.sound(&c.Entry, row) {
			continue
		}
		r := c.Rows[i]
		if _, ok := f.text(&c.Entry, r, fieldSKU); ok {
			item, reason := f.find(r.Cells)
			if reason != "" {
				f.bad(&c.Entry, r, fieldSKU, reason)
			}
			c.SKU = item.SKU
		}
		cell, ok := f.text(&c.Entry, r, fieldOnHand)
		if !ok {
			continue
		}
		n, err := parse.WholeNumber(cell)
		switch {
		case err != nil || n < 0 || n > MaxOnHand || cell[0] == '+' || cell[0] == '-':
			f.bad(&c.Entry, r, fieldOnHand, "is not a whole number from 0 to "+strconv.Itoa(MaxOnHand))
		case first != 0 && n != c.OnHand:
			f.bad(&c.Entry, r, fieldOnHand, "is not what line "+strconv.Itoa(first)+" says of the same item")
		case first == 0:
			c.OnHand, first = n, r.Line
		}
	}
	return c
}
