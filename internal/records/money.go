package records

import (
	"cafe/internal/table"
	"cafe/model"
)

// putPayments puts an order's payments into its item: a list of maps. Zeros are left out. So is
// what is the same for a payment that was in the order's own request: its id, when it was made
// and by whom. So paying there costs no write unit.
func putPayments(item table.Item, o model.Order) {
	if len(o.Payments) == 0 {
		return
	}
	list := make([]table.Value, len(o.Payments))
	placer := placerOf(o)
	for i, p := range o.Payments {
		m := table.Item{"method": table.String(string(p.Method))}
		if p.ID != model.OwnPaymentID(o.ID, i) {
			PutText(m, "id", p.ID)
		}
		if p.Day != o.BusinessDay {
			PutText(m, "day", string(p.Day))
		}
		if !p.At.Equal(o.PlacedAt) {
			m["at"] = Time(p.At)
		}
		if p.By != placer.By || p.Role != placer.Role {
			m["by"], m["role"] = table.String(p.By), table.String(string(p.Role))
		}
		PutNumber(m, "amount", int64(p.Amount))
		PutNumber(m, "tip", int64(p.Tip))
		PutNumber(m, "rounding", int64(p.Rounding))
		PutNumber(m, "given", int64(p.Given))
		PutText(m, "reference", p.Reference)
		PutText(m, "fingerprint", p.Fingerprint)
		list[i] = table.Map(m)
	}
	item["payments"] = table.List(list...)
}

// placerOf returns the step in which the order was placed. It is zero when that is not known.
func placerOf(o model.Order) model.Step {
	if len(o.History) == 0 || o.History[0].Version != 1 {
		return model.Step{}
	}
	return o.History[0]
}

// payments returns the payments of an order of which the id, the times and the history are
// known.
func (r *Reader) payments(o model.Order) (payments []model.OrderPayment) {
	if !r.Has("payments") {
		return nil
	}
	placer := placerOf(o)
	for m := range r.Maps("payments") {
		p := model.OrderPayment{
			ID: m.Optional("id"), Method: model.Method(m.Text("method")), Day: o.BusinessDay, At: o.PlacedAt,
			Amount: model.Money(m.OptionalNumber("amount")), Tip: model.Money(m.OptionalNumber("tip")),
			Rounding: model.Money(m.OptionalNumber("rounding")), Given: model.Money(m.OptionalNumber("given")),
			Reference: m.Optional("reference"), By: placer.By, Role: placer.Role, Fingerprint: m.Optional("fingerprint"),
		}
		if p.ID == "" {
			p.ID = model.OwnPaymentID(o.ID, len(payments))
		}
		if m.Has("day") {
			p.Day = m.Day("day")
		}
		if m.Has("at") {
			p.At = m.Time("at")
		}
		if m.Has("role") {
			p.By, p.Role = m.Text("by"), model.Role(m.Text("role"))
		}
		payments = append(payments, p)
	}
	return payments
}

// putRefunds puts an order's refunds into its item, as putPayments does. Lines are numbers in
// pairs, the place and the quantity.
func putRefunds(item table.Item, refunds []model.Refund) {
	if len(refunds) == 0 {
		return
	}
	list := make([]table.Value, len(refunds))
	for i, f := range refunds {
		m := table.Item{
			"id": table.String(f.ID), "method": table.String(string(f.Method)), "day": table.String(string(f.Day)), "at": Time(f.At),
		}
		PutNumber(m, "amount", int64(f.Amount))
		PutNumber(m, "tip", int64(f.Tip))
		PutNumber(m, "rounding", int64(f.Rounding))
		PutText(m, "reason", f.Reason)
		PutFlag(m, "restock", f.Restock)
		PutText(m, "by", f.By)
		PutText(m, "role", string(f.Role))
		PutText(m, "fingerprint", f.Fingerprint)
		PutText(m, "taxes", taxesText(f.Taxes))
		if len(f.Lines) > 0 {
			lines := make([]table.Value, 0, 2*len(f.Lines))
			for _, l := range f.Lines {
				lines = append(lines, table.Int(int64(l.Line)), table.Int(l.Quantity))
			}
			m["lines"] = table.List(lines...)
		}
		list[i] = table.Map(m)
	}
	item["refunds"] = table.List(list...)
}

func (r *Reader) refunds() (refunds []model.Refund) {
	if !r.Has("refunds") {
		return nil
	}
	for f := range r.Maps("refunds") {
		refund := model.Refund{
			ID: f.Text("id"), Method: model.Method(f.Text("method")), Day: f.Day("day"), At: f.Time("at"),
			Amount: model.Money(f.OptionalNumber("amount")), Tip: model.Money(f.OptionalNumber("tip")), Rounding: model.Money(f.OptionalNumber("rounding")),
			Reason: f.Optional("reason"), Restock: f.Flag("restock"), By: f.Optional("by"), Role: model.Role(f.Optional("role")),
			Fingerprint: f.Optional("fingerprint"), Taxes: f.taxes("taxes"),
		}
		if f.Has("lines") {
			numbers := f.List("lines")
			if len(numbers)%2 != 0 {
				f.Fail("lines")
				continue
			}
			for i := 0; i < len(numbers); i += 2 {
				refund.Lines = append(refund.Lines, model.RefundLine{Line: int(f.NumberIn(numbers[i], "lines")), Quantity: f.NumberIn(numbers[i+1], "lines")})
			}
		}
		refunds = append(refunds, refund)
	}
	return refunds
}
