package records

import (
	"cafe/internal/table"
	"cafe/model"
)

// Items of the menu and of stock say when and by which import they were set, and what
// that import made of them. So the same import leaves them alone when it runs again,
// whatever was sold or changed since, and an older word never replaces a newer one.
const (
	AttrSetAt      = "said_at"
	AttrSetBy      = "import_id"
	AttrSetOutcome = "import_made"
	AttrSetCount   = "import_count" // of new stock: how many the import counted
)

// SetBySample stands in place of an import's id on items of the sample that a new café
// begins with, until somebody sets them.
const SetBySample = "sample"

// EncodeMenuItem returns an item of the menu as it is stored.
func EncodeMenuItem(i model.Item) table.Item {
	item := table.Item{
		"name":     table.String(i.Name),
		"category": table.String(i.Category),
		"price":    table.Int(int64(i.Price)),
	}
	PutText(item, "tax_class", i.TaxClass)
	PutFlag(item, "counted", i.Counted)
	PutFlag(item, "active", i.Active)
	if len(i.Options) > 0 {
		item["options"] = optionsValue(i.Options)
	}
	return item
}

// DecodeMenuItem returns a stored item of the menu, or an error that IsUnreadable.
func DecodeMenuItem(key table.Key, item table.Item) (model.Item, error) {
	r := NewReader(key, item)
	i := model.Item{
		SKU: key.SK, Name: r.Text("name"), Category: r.Text("category"), Price: model.Money(r.Number("price")),
		TaxClass: r.Optional("tax_class"), Counted: r.Flag("counted"), Active: r.Flag("active"), Options: r.options(),
	}
	return i, r.Err()
}
