package records

import (
	"cafe/internal/table"
	"cafe/model"
)

// putPayments puts an order's payments into its item: a list of maps. Zeros are left out.
func putPayments(item table.Item, payments []model.OrderPayment) {
	if len(payments) == 0 {
		return
	}
	list := make([]table.Value, len(payments))
	for i, p := range payments {
		m := table.Item{
			"id": table.String(p.ID), "method": table.String(string(p.Method)), "day": table.String(string(p.Day)), "at": Time(p.At),
		}
		PutNumber(m, "amount", int64(p.Amount))
		PutNumber(m, "tip", int64(p.Tip))
		PutNumber(m, "rounding", int64(p.Rounding))
		PutNumber(m, "given", int64(p.Given))
		PutText(m, "reference", p.Reference)
		PutText(m, "by", p.By)
		PutText(m, "role", string(p.Role))
		PutText(m, "fingerprint", p.Fingerprint)
		list[i] = table.Map(m)
	}
	item["payments"] = table.List(list...)
}

func (r *Reader) payments() (payments []model.OrderPayment) {
	if !r.Has("payments") {
		return nil
	}
	for p := range r.Maps("payments") {
		payments = append(payments, model.OrderPayment{
			ID: p.Text("id"), Method: model.Method(p.Text("method")), Day: p.Day("day"), At: p.Time("at"),
			Amount: model.Money(p.OptionalNumber("amount")), Tip: model.Money(p.OptionalNumber("tip")),
			Rounding: model.Money(p.OptionalNumber("rounding")), Given: model.Money(p.OptionalNumber("given")),
			Reference: p.Optional("reference"), By: p.Optional("by"), Role: model.Role(p.Optional("role")), Fingerprint: p.Optional("fingerprint"),
		})
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
