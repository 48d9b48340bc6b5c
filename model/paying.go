package model

import "strconv"

// Limits of payments and refunds.
const (
	MaxPayments  = 50  // of one order; as many refunds
	MaxReference = 100 // characters
	MaxReason    = 200 // characters, of a refund or a cancellation
)

// DraftPayment is a request to take money for an order.
type DraftPayment struct {
	Method    Method
	Amount    Money // cash: what is handed over for the order; 0: the payment only tips
	Tip       Money // on top of Amount
	Reference string
}

// Validate checks all that can be checked without the order. It returns an Invalid that names
// every field at fault, or nil.
func (d DraftPayment) Validate() error {
	var faults Invalid
	faults.checkPayment("", d)
	return faults.Err()
}

func (v *Invalid) checkPayment(at string, d DraftPayment) {
	if !d.Method.Valid() {
		v.Add(at+"/method", badMethod)
	}
	most := strconv.FormatInt(int64(MaxAmount), 10) + " minor units"
	if d.Amount < 0 || d.Amount > MaxAmount {
		v.Add(at+"/amount", "must be from 0 to "+most)
	} else if d.Amount == 0 && d.Tip == 0 {
		v.Add(at+"/amount", "must be above 0, or there must be a tip")
	}
	if d.Tip < 0 || d.Tip > MaxAmount {
		v.Add(at+"/tip", "must be from 0 to "+most)
	}
	v.CheckText(at+"/reference", d.Reference, 0, MaxReference, false)
}

const badMethod = "must be cash, card, voucher or other"

// OwnPaymentID returns the id of the payment at a place, from 0, in an order's own request.
func OwnPaymentID(orderID string, place int) string {
	return DeriveID("order payment", orderID, strconv.Itoa(place))
}

// Payable returns what payments may still take off the order: what is due of an open one, and
// what nobody said of yet of one at the counter.
func (o Order) Payable() Money {
	if o.Payment == TermsAccount || o.Deleted || !o.Status.Counts() {
		return 0
	}
	rest := o.Total
	for _, p := range o.Payments {
		rest -= p.Amount
	}
	return max(0, rest)
}

// Said returns what payments brought that are on record, with tips, less what refunds gave
// back. It is not below 0.
func (o Order) Said() (sum Money) {
	for _, p := range o.Payments {
		sum += p.Amount + p.Tip
	}
	return max(0, sum-o.Refunded())
}

// Take returns the payment that a valid draft makes of the order, without its id, day, time
// and who took it. Cash may be more than is due; the rest is Change. Cash is rounded to the
// smallest coin of the order's currency.
//
// An order that takes no payments is Refused. Fields at fault are an Invalid; their names
// begin with at.
func (o Order) Take(d DraftPayment, at string) (OrderPayment, error) {
	p := OrderPayment{Method: d.Method, Amount: d.Amount, Tip: d.Tip, Reference: d.Reference}
	switch {
	case o.Payment == TermsAccount:
		return p, Refuse(RefusedNotPayable, "The order is on the customer's tab. Pay the tab: POST /customers/"+o.CustomerID+"/payments.")
	case o.Deleted || !o.Status.Counts():
		return p, Refuse(RefusedNotPayable, "The order is "+string(o.Status)+" and takes no payment.")
	case len(o.Payments) >= MaxPayments:
		return p, Refuse(RefusedNotPayable, "The order has "+strconv.Itoa(MaxPayments)+" payments, and takes no more.")
	}
	var faults Invalid
	due := o.Payable()
	if p.Method != MethodCash {
		if p.Amount > due {
			faults.Add(at+"/amount", "must be at most "+strconv.FormatInt(int64(due), 10)+", which is still to be paid")
		}
		return p, faults.Err()
	}
	coin := SmallestCoin(o.Currency)
	if p.Tip%coin != 0 {
		faults.Add(at+"/tip", "must be a multiple of "+strconv.FormatInt(int64(coin), 10)+", the smallest coin")
	}
	if d.Amount > 0 {
		given := d.Amount.InCoins(o.Currency)
		switch {
		case due == 0:
			faults.Add(at+"/amount", "must be 0: nothing is still to be paid")
		case given >= due.InCoins(o.Currency):
			p.Amount = due
		case given == 0:
			faults.Add(at+"/amount", "is less than the smallest coin")
		}
		p.Rounding = p.Amount.InCoins(o.Currency) - p.Amount
		if given > p.Amount+p.Rounding {
			p.Given = given
		}
	}
	return p, faults.Err()
}

// DraftRefund is a request to give money back. Without Lines and Amount it asks for all that
// is left.
type DraftRefund struct {
	Lines   []RefundLine
	Amount  Money // 0: of Lines, or all that is left
	Reason  string
	Method  Method // empty: as the order was paid last
	Restock bool   // the units go back on the shelf; not with Amount
}

// Validate checks all that can be checked without the order. It returns an Invalid that names
// every field at fault, or nil.
func (d DraftRefund) Validate() error {
	var faults Invalid
	faults.CheckText("/reason", d.Reason, 1, MaxReason, false)
	if d.Amount < 0 || d.Amount > MaxAmount {
		faults.Add("/amount", "must be from 1 to "+strconv.FormatInt(int64(MaxAmount), 10)+" minor units")
	}
	if d.Amount != 0 && d.Lines != nil {
		faults.Add("/lines", "must not be there beside amount")
	} else if d.Lines != nil && (len(d.Lines) == 0 || len(d.Lines) > MaxLines) {
		faults.Add("/lines", "must name 1 to "+strconv.Itoa(MaxLines)+" lines, or be left out for all that is left")
	}
	if d.Amount != 0 && d.Restock {
		faults.Add("/restock", "must not be true beside amount: an amount is of no unit")
	}
	if d.Method != "" && d.Method != TenderAccount && !d.Method.Valid() {
		faults.Add("/method", "must be cash, card, voucher, other or account")
	}
	return faults.Err()
}

// RefundMethod returns by what a refund gives money back: the tab of an order that is on one,
// else by what is asked for, else as the order was paid last. It is an Invalid when that is
// asked for which the order's terms do not allow.
func (o Order) RefundMethod(asked Method) (Method, error) {
	switch {
	case o.Payment == TermsAccount && asked != "" && asked != TenderAccount:
		return "", Invalid{{Field: "/method", Message: "must be account: the order is on the customer's tab"}}
	case o.Payment == TermsAccount:
		return TenderAccount, nil
	case asked == TenderAccount:
		return "", Invalid{{Field: "/method", Message: badMethod + ": the order is on no tab"}}
	case asked != "":
		return asked, nil
	case len(o.Payments) > 0:
		return o.Payments[len(o.Payments)-1].Method, nil
	}
	return TenderUnsaid, nil
}

// Left is what of an order can still be given back.
type Left struct {
	Amount Money // of the revenue
	Tip    Money
}

// Total returns all of it.
func (l Left) Total() Money { return l.Amount + l.Tip }

// Left returns what was paid for the order, or is on the tab, less what was given back.
// Payments pay the revenue first and then the tip.
func (o Order) Left() Left {
	if !o.Stands() {
		return Left{}
	}
	paid := o.Total
	if o.Payment == TermsOpen {
		paid = o.Paid()
	}
	var l Left
	l.Amount = min(paid, o.Total-o.Reckoning.Tip)
	l.Tip = paid - l.Amount
	for _, p := range o.Payments {
		l.Tip += p.Tip
	}
	for _, r := range o.Refunds {
		l.Amount -= r.Amount
		l.Tip -= r.Tip
	}
	return Left{max(0, l.Amount), max(0, l.Tip)}
}

// Returned returns how many units of each line went back.
func (o Order) Returned() []int64 {
	gone := make([]int64, len(o.Lines))
	for _, r := range o.Refunds {
		for _, l := range r.Lines {
			if l.Line >= 0 && l.Line < len(gone) {
				gone[l.Line] += l.Quantity
			}
		}
	}
	return gone
}

// Held returns the units of each counted item that the order took from stock and that did not
// go back, by SKU.
func (o Order) Held() map[string]int64 {
	if !o.TookStock {
		return nil
	}
	units := Units(o.Lines)
	for _, r := range o.Refunds {
		if !r.Restock {
			continue
		}
		for _, l := range r.Lines {
			if l.Line >= 0 && l.Line < len(o.Lines) && o.Lines[l.Line].Counted {
				units[o.Lines[l.Line].SKU] -= l.Quantity
			}
		}
	}
	return units
}
