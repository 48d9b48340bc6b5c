package records

import (
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/pricing"
)

// EncodeOrder returns an order as it is stored. Empty attributes are left out. A deleted
// order is in no index. What its price is made of is one attribute, a pricing.Record.
func EncodeOrder(o model.Order) table.Item {
	item := table.Item{
		"customer_id":  table.String(o.CustomerID),
		"payment":      table.String(string(o.Payment)),
		"status":       table.String(string(o.Status)),
		"lines":        linesValue(o.Lines),
		"total":        table.Int(int64(o.Total)),
		"currency":     table.String(o.Currency),
		"placed_at":    Time(o.PlacedAt),
		"updated_at":   Time(o.UpdatedAt),
		"business_day": table.String(string(o.BusinessDay)),
		"version":      table.Int(o.Version),
		"posting":      table.Int(o.Posting),
		"shard":        table.Int(o.Shard),
	}
	if r := pricing.NewRecord(o); !r.IsZero() {
		item["pricing"] = table.String(r.Text())
	}
	PutNumber(item, "number", o.Number)
	PutText(item, "note", o.Note)
	PutText(item, "fingerprint", o.Fingerprint)
	PutText(item, "import_id", o.Import)
	PutText(item, "cancel_reason", o.CancelReason)
	PutText(item, "cancelled_by", o.CancelledBy)
	putHistory(item, o)
	putPayments(item, o)
	putRefunds(item, o.Refunds)
	PutTime(item, "pickup_at", o.PickupAt)
	PutFlag(item, "took_stock", o.TookStock)
	PutFlag(item, "deleted", o.Deleted)
	PutFlag(item, "taken_back", o.TakenBack)
	if !o.Deleted {
		item[table.AttrSort] = table.String(DaySort(o.BusinessDay, o.PlacedAt, o.ID))
		item[table.AttrIndex2] = table.String(ShardPartition(PrefixOrder, o.Shard))
		if o.CustomerID != model.WalkIn {
			item[table.AttrIndex1] = table.String(PrefixCustomer + o.CustomerID)
		}
	}
	return item
}

func linesValue(lines []model.Line) table.Value {
	list := make([]table.Value, len(lines))
	for i, l := range lines {
		line := table.Item{
			"sku":        table.String(l.SKU),
			"name":       table.String(l.Name),
			"quantity":   table.Int(l.Quantity),
			"unit_price": table.Int(int64(l.UnitPrice)),
			"total":      table.Int(int64(l.Total)),
		}
		PutText(line, "note", l.Note)
		PutFlag(line, "counted", l.Counted)
		if len(l.Options) > 0 {
			line["options"] = optionsValue(l.Options)
		}
		list[i] = table.Map(line)
	}
	return table.List(list...)
}

func optionsValue(options []model.Option) table.Value {
	list := make([]table.Value, len(options))
	for i, o := range options {
		list[i] = table.Map(table.Item{
			"id": table.String(o.ID), "name": table.String(o.Name), "price": table.Int(int64(o.Price)),
		})
	}
	return table.List(list...)
}

// DecodeOrder returns a stored order, with every amount. The names and rates of offers,
// charges and taxes are empty: the pricing document has them, and pricing.Tariff.Name fills
// them in where an order is shown. An item that is no order is an error that IsUnreadable
// and names the attribute at fault.
func DecodeOrder(key table.Key, item table.Item) (model.Order, error) {
	r := NewReader(key, item)
	o := model.Order{
		ID:          r.OwnID(PrefixOrder),
		Number:      r.OptionalNumber("number"),
		CustomerID:  r.ID("customer_id"),
		Payment:     model.PaymentTerms(r.Text("payment")),
		Status:      model.Status(r.Text("status")),
		Total:       model.Money(r.Number("total")),
		Currency:    r.Text("currency"),
		PlacedAt:    r.Time("placed_at"),
		UpdatedAt:   r.Time("updated_at"),
		BusinessDay: r.Day("business_day"),
		Version:     r.Number("version"),
		Posting:     r.AtLeast("posting", 1),
		Shard:       r.AtLeast("shard", 0),
		PickupAt:    r.OptionalTime("pickup_at"),
		Note:        r.Optional("note"),
		Fingerprint: r.Optional("fingerprint"),
		Import:      r.Optional("import_id"),
		TookStock:   r.Flag("took_stock"),
		Deleted:     r.Flag("deleted"),
		Refunds:     r.refunds(),

		CancelReason: r.Optional("cancel_reason"),
		CancelledBy:  r.Optional("cancelled_by"),
		TakenBack:    r.Flag("taken_back"),
	}
	o.History = r.history(o.PlacedAt)
	o.Payments = r.payments(o)
	o.Lines = make([]model.Line, 0, len(r.List("lines")))
	for l := range r.Maps("lines") {
		o.Lines = append(o.Lines, model.Line{
			SKU: l.Text("sku"), Name: l.Text("name"), Quantity: l.Number("quantity"),
			UnitPrice: model.Money(l.Number("unit_price")), Total: model.Money(l.Number("total")),
			Options: l.options(), Note: l.Optional("note"), Counted: l.Flag("counted"),
		})
	}
	if r.err == nil && !o.Status.Valid() {
		r.Fail("status")
	}
	if record, err := pricing.ParseRecord(r.Optional("pricing")); err != nil {
		r.Note(err)
	} else {
		r.Note(record.Restore(&o))
	}
	return o, r.Err()
}

func (r *Reader) options() []model.Option {
	if !r.Has("options") {
		return nil
	}
	options := make([]model.Option, 0, len(r.List("options")))
	for o := range r.Maps("options") {
		options = append(options, model.Option{ID: o.Text("id"), Name: o.Text("name"), Price: model.Money(o.Number("price"))})
	}
	return options
}
