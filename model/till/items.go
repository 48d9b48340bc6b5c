package till

import (
	"cafe/model"
	"cafe/model/till/parse"
)

// finder looks items up by SKU or name, without regard to case, to the number of spaces
// and to the Unicode form.
type finder struct {
	menu   model.Menu
	bySKU  map[string][]model.Item
	byName map[string][]model.Item
}

func newFinder(menu model.Menu) *finder {
	f := &finder{menu, make(map[string][]model.Item, len(menu)), make(map[string][]model.Item, len(menu))}
	for _, item := range menu {
		sku, name := parse.FoldItem(item.SKU), parse.FoldItem(item.Name)
		f.bySKU[sku] = append(f.bySKU[sku], item)
		f.byName[name] = append(f.byName[name], item)
	}
	return f
}

// find returns the item that a folded text means, or why none: a SKU counts before a
// name, an item on sale before retired ones of the same name.
func (f *finder) find(text, folded string) (item model.Item, reason string) {
	if item, ok := f.menu[text]; ok {
		return item, ""
	}
	for _, found := range [][]model.Item{f.bySKU[folded], f.byName[folded]} {
		if len(found) == 1 {
			return found[0], ""
		}
		var active []model.Item
		for _, item := range found {
			if item.Active {
				active = append(active, item)
			}
		}
		if len(active) == 1 {
			return active[0], ""
		}
		if len(found) > 1 {
			return model.Item{}, "means several items of the menu; write the SKU as the menu has it"
		}
	}
	return model.Item{}, "is no SKU and no name on the menu"
}
