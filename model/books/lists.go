package books

import "cafe/model"

// DaysCSV writes a row for each day: closed ones with their records, and open ones, whose
// Number is 0.
func DaysCSV(days []Close) []byte {
	var t Table
	t.Cell("day").Cell("status").Cell("number").Cell("closed_at").Cell("by").Cell("early").Cell("currency").Cell("orders")
	sums := []string{"gross", "refunds", "net", "taxes", "discounts", "charges", "tips", "cancelled", "paid_on_tabs"}
	for _, name := range sums {
		t.Cell(name)
	}
	methods := append(model.Methods[:len(model.Methods):len(model.Methods)], model.TenderAccount, model.TenderUnsaid, model.TenderUnpaid, model.TenderRounding)
	for _, m := range methods {
		t.Cell(string(m))
	}
	t.Row("float", "counted_cash", "cash_difference", "carried", "hash")
	for _, d := range days {
		if d.Number == 0 {
			t.Cell(string(d.Day)).Cell("open")
			for range 6 + len(sums) + len(methods) + 4 {
				t.Cell("")
			}
			t.Row("")
			continue
		}
		k := d.Currency
		var taxes, carried model.Money
		for _, x := range d.Taxes {
			taxes += x.Amount
		}
		for _, x := range d.Carried {
			carried += x.Amount
		}
		early := ""
		if d.Early {
			early = "true"
		}
		t.Cell(string(d.Day)).Cell("closed").Int(d.Number).Cell(d.ClosedAt).Text(d.By).Cell(early).Cell(k).Int(d.Orders)
		for _, m := range []model.Money{d.Gross, d.Refunds, d.Net, taxes, d.Discounts, d.Charges, d.Tips, d.Cancelled, d.PaidOnTabs} {
			t.Money(m, k)
		}
		for _, m := range methods {
			t.Money(d.Of(m), k)
		}
		t.Money(d.Float, k)
		if off, counted := d.Drawer(); counted {
			t.Money(d.Found().Counted[model.MethodCash], k).Money(off, k)
		} else {
			t.Cell("").Cell("")
		}
		t.Money(carried, k).Row(d.Hash)
	}
	return t.Bytes()
}

// OrdersCSV writes a row for each line of the orders. Sums of the order stand in the row of its
// first line only, so that a column can be added up.
func OrdersCSV(orders []model.Order) []byte {
	var t Table
	t.Row("order_id", "ordered_at", "business_day", "status", "customer_id", "payment", "dining", "line", "sku", "item", "quantity", "line_total", "line_discount",
		"total", "discounts", "charges", "taxes", "tip", "paid", "refunded", "due", "currency", "note")
	for _, o := range orders {
		for i, l := range o.Lines {
			t.Text(o.ID).Cell(model.Timestamp(o.PlacedAt)).Cell(string(o.BusinessDay)).Cell(string(o.Status)).Text(o.CustomerID).Cell(string(o.Payment)).Cell(string(o.Dining)).
				Int(int64(i+1)).Text(l.SKU).Text(l.Name).Int(l.Quantity).Money(l.Total, o.Currency).Money(l.Discount, o.Currency)
			if i > 0 {
				t.Row("", "", "", "", "", "", "", "", o.Currency, "")
				continue
			}
			r := o.Reckoning
			var taxes model.Money
			for _, x := range r.Taxes {
				taxes += x.Amount
			}
			for _, m := range []model.Money{o.Total, r.Discount(), r.Charge(), taxes, r.Tip, o.Paid(), o.Refunded(), o.Due()} {
				t.Money(m, o.Currency)
			}
			t.Cell(o.Currency).Text(o.Note).Row()
		}
	}
	return t.Bytes()
}

// CustomersCSV writes a row for each customer. limit is of those who have none of their own.
func CustomersCSV(customers []model.Customer, limit model.Money, currency string) []byte {
	var t Table
	t.Row("id", "name", "email", "balance", "credit_limit", "orders", "spent", "last_order_at", "currency")
	for _, c := range customers {
		last := ""
		if !c.LastOrderAt.IsZero() {
			last = model.Timestamp(c.LastOrderAt)
		}
		t.Text(c.ID).Text(c.Name).Text(c.Email).Money(c.Balance, currency).Money(c.Limit(limit), currency).Int(c.Orders).Money(c.Spent, currency).Cell(last).Row(currency)
	}
	return t.Bytes()
}
