package records

import (
	"reflect"
	"testing"
	"time"

	"cafe/internal/table"
	"cafe/model"
)

func TestAnEntryWithoutPricingIsStoredAsBefore(t *testing.T) {
	at := time.Date(2017, 3, 18, 9, 30, 0, 0, time.UTC)
	order := model.Order{
		ID: "one", CustomerID: "alice", Payment: model.TermsAccount, Status: model.StatusPlaced, BusinessDay: "2017-03-18", Posting: 2, PlacedAt: at,
		Lines: []model.Line{{SKU: "tea", Quantity: 2, Total: 440}, {SKU: "latte", Quantity: 1, Total: 350}}, Total: 790, Reckoning: model.Reckoning{Subtotal: 790},
	}
	payment := model.Entry{Kind: model.EntryPayment, ID: "paid", CustomerID: "alice", Day: "2017-03-18", Posting: 1, At: at, Tab: -500}
	payment.Tenders = payment.PlainTenders()
	cancelled := order
	cancelled.Status = model.StatusCancelled
	for name, tt := range map[string]struct {
		entry model.Entry
		want  table.Item
	}{
		"order": {order.Entries()[0], table.Item{
			"customer_id": table.String("alice"), "posting": table.Int(2), "at": table.Int(1489829400000000), "status": table.String("placed"),
			"tab": table.Int(790), "revenue": table.Int(790),
			"items": table.String("latte 1 350 tea 2 440"),
		}},
		"cancelled order": {cancelled.Entries()[0], table.Item{
			"customer_id": table.String("alice"), "posting": table.Int(2), "at": table.Int(1489829400000000), "status": table.String("cancelled"),
			"cancelled": table.List(table.Map(table.Item{"amount": table.Int(790)})),
		}},
		"payment": {payment, table.Item{
			"customer_id": table.String("alice"), "posting": table.Int(1), "at": table.Int(1489829400000000), "tab": table.Int(-500),
		}},
	} {
		if got := EncodeEntry(tt.entry); !got.Equal(tt.want) {
			t.Errorf("%s is stored as\n%v, want\n%v", name, got, tt.want)
		}
		old, err := DecodeEntry(EntryKey(tt.entry), tt.want)
		if err != nil || !old.SameContribution(tt.entry) || !reflect.DeepEqual(old, tt.entry) {
			t.Errorf("%s: an entry of before is %+v, %v; want %+v", name, old, err, tt.entry)
		}
	}
}

func TestAnEntryOfBeforeReadsAsOneOfNow(t *testing.T) {
	order, _ := sold(t)
	order.CustomerID = model.WalkIn
	e := order.Entries()[0]
	item := EncodeEntry(e)
	item["customer_id"] = table.String(model.WalkIn)
	item["items"] = table.Map(table.Item{
		"latte": table.List(table.Int(1), table.Int(293)), "brownie": table.List(table.Int(2), table.Int(470)), "sandwich": table.List(table.Int(1), table.Int(528)),
	})
	item["taxes"] = table.Map(table.Item{"city": table.List(table.Int(1281), table.Int(19)), "vat": table.List(table.Int(761), table.Int(152))})
	if read, err := DecodeEntry(EntryKey(e), item); err != nil || !reflect.DeepEqual(read, e) {
		t.Errorf("read %+v, %v; want %+v", read, err, e)
	}
}

func TestAnEntryHasThePartsOfItsOrdersMoney(t *testing.T) {
	order, _ := sold(t)
	e := order.Entries()[0]
	want := table.Item{
		"customer_id": table.String("alice"), "posting": table.Int(1), "at": table.Int(1489829400000000), "status": table.String("placed"),
		// Lines of 390, 580 and 520, less 100 and 116, are 1274; the service is 12.5 % of that,
		// 159. VAT is a sixth of 290 + 464 + 159, 152; city tax is 1.5 % of the 1281 left.
		"tab": table.Int(1502), "revenue": table.Int(1452), "pricing": table.Int(3),
		"taxes":    table.String("city 1281 19 vat 761 152"),
		"discount": table.Int(216), "charge": table.Int(159), "tip": table.Int(50),
		"items": table.String("brownie 2 470 latte 1 293 sandwich 1 528"),
	}
	if got := EncodeEntry(e); !got.Equal(want) {
		t.Errorf("stored as\n%v, want\n%v", got, want)
	}
	read, err := DecodeEntry(EntryKey(e), EncodeEntry(e))
	if err != nil || !reflect.DeepEqual(read, e) {
		t.Errorf("read   %+v, %v\nposted %+v", read, err, e)
	}
	if size := EncodeEntry(e).Size(); size > 512 {
		t.Errorf("an entry of three lines and two taxes takes %d bytes", size)
	}
}

func TestADamagedPartOfAnEntryIsUnreadable(t *testing.T) {
	order, _ := sold(t)
	e := order.Entries()[0]
	for name, damaged := range map[string]table.Value{
		"tip": table.Bool(true), "pricing": table.List(), "taxes": table.Map(table.Item{"vat": table.List(table.Int(1))}), "tenders": table.String("cash 1"), "refunds": table.Int(1),
		"items": table.Map(table.Item{"tea": table.List(table.Int(1), table.String("x"))}),
	} {
		item := EncodeEntry(e)
		item[name] = damaged
		if _, err := DecodeEntry(EntryKey(e), item); !IsUnreadable(err) {
			t.Errorf("%s %v: %v", name, damaged, err)
		}
	}
}

func TestPaymentsAndRefundsReadAsTheyWereStored(t *testing.T) {
	order, _ := sold(t)
	at := time.Date(2017, 3, 19, 9, 30, 0, 0, time.UTC)
	order.Payment, order.Status, order.CancelReason, order.CancelledBy = model.TermsOpen, model.StatusCancelled, "no show", "bo"
	order.Payments = []model.OrderPayment{
		{ID: "p1", Method: model.MethodCash, Amount: 1000, Tip: 20, Rounding: -2, Given: 1500, Reference: "till 2", Day: "2017-03-18", At: at, By: "bo", Role: model.RoleStaff, Fingerprint: "f"},
		{ID: "p2", Method: model.MethodCard, Amount: 502, Day: "2017-03-19", At: at},
	}
	order.Refunds = []model.Refund{
		{ID: "r1", Lines: []model.RefundLine{{Line: 1, Quantity: 2}, {Line: 0, Quantity: 1}}, Amount: 700, Taxes: []model.EntryTax{{ID: "city", Net: 600, Amount: 9}, {ID: "vat", Net: 400, Amount: 80}},
			Reason: "cold", Method: model.MethodCash, Rounding: 1, Restock: true, Day: "2017-03-19", At: at, By: "ann", Role: model.RoleOwner, Fingerprint: "g"},
		{ID: "r2", Amount: 802, Tip: 50, Method: model.MethodCard, Day: "2017-03-20", At: at},
	}
	read, err := DecodeOrder(OrderKey(order.ID), EncodeOrder(order))
	if err != nil || !reflect.DeepEqual(read.Payments, order.Payments) || !reflect.DeepEqual(read.Refunds, order.Refunds) ||
		read.CancelReason != "no show" || read.CancelledBy != "bo" {
		t.Errorf("%v\nread   %+v\nstored %+v", err, read, order)
	}
	for _, status := range []model.Status{model.StatusCancelled, model.StatusRefunded} {
		order.Status = status
		for _, e := range order.Entries() {
			read, err := DecodeEntry(EntryKey(e), EncodeEntry(e))
			if err != nil || !reflect.DeepEqual(read, e) {
				t.Errorf("%v\nread   %+v\nposted %+v", err, read, e)
			}
		}
	}
	paid := model.Payment{ID: "p", CustomerID: "alice", Amount: 5, Method: model.MethodVoucher, Currency: "GBP", At: at, BusinessDay: "2017-03-19"}
	if read, err := DecodePayment(PaymentKey("p"), EncodePayment(paid)); err != nil || read != paid {
		t.Errorf("%v, %+v", err, read)
	}
	if e, err := DecodeEntry(EntryKey(paid.Entry()), EncodeEntry(paid.Entry())); err != nil || !reflect.DeepEqual(e, paid.Entry()) {
		t.Errorf("%v, %+v", err, e)
	}
}

func TestAnEntryOfBeforeHasItsTaxesAsAMap(t *testing.T) {
	order, _ := sold(t)
	e := order.Entries()[0]
	item := EncodeEntry(e)
	item["net"] = table.Int(int64(e.Net))
	item["taxes"] = table.Map(table.Item{"vat": table.List(table.Int(761), table.Int(152)), "city": table.List(table.Int(1281), table.Int(19))})
	if read, err := DecodeEntry(EntryKey(e), item); err != nil || !reflect.DeepEqual(read, e) {
		t.Errorf("%v\nread   %+v\nposted %+v", err, read, e)
	}
}
