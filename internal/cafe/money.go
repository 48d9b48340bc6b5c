package cafe

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
	"cafe/model/pricing"
)

// PayOrder takes money for an order, in one conditional write: payments that race never take
// more than is due. The key works as for Place, for each order by itself.
//
// A payment of an open order counts on the business day on which it is made, and one of an
// order at the counter on the order's own day until that is closed. Errors are those of
// model.Order.Take, model.ErrKeyReused and model.ErrNotFound.
func (c *Cafe) PayOrder(ctx context.Context, by Caller, id string, draft model.DraftPayment, key string) (o model.Order, paid model.OrderPayment, replayed bool, err error) {
	if err := draft.Validate(); err != nil {
		return o, paid, false, err
	}
	paymentID, fingerprint := records.NewID(), ""
	if key != "" {
		paymentID = model.DeriveID("order payment", id, by.name(), key)
		fingerprint = model.DeriveID(append([]string{"order payment"}, paymentParts(draft)...)...)
	}
	o, err = c.change(ctx, by, id, nil, func(o model.Order) (model.Order, error) {
		if i := slices.IndexFunc(o.Payments, func(p model.OrderPayment) bool { return p.ID == paymentID }); i >= 0 {
			if paid, replayed = o.Payments[i], key != ""; paid.Fingerprint != fingerprint {
				return o, model.ErrKeyReused
			}
			return o, nil
		}
		p, err := o.Take(draft, "")
		if err != nil {
			return o, err
		}
		now := c.now.Stamp()
		if p.Day, err = c.dayOfPayment(ctx, o, now); err != nil {
			return o, err
		}
		p.ID, p.At, p.By, p.Role, p.Fingerprint = paymentID, now, by.ID, by.Role, fingerprint
		o.Payments = append(slices.Clone(o.Payments), p)
		paid, replayed = p, false
		return o, nil
	})
	return o, paid, replayed, err
}

// dayOfPayment returns the business day on which a payment counts that is made now.
func (c *Cafe) dayOfPayment(ctx context.Context, o model.Order, now time.Time) (model.Day, error) {
	if o.Payment != model.TermsCounter {
		return c.Calendar.DayOf(now), nil
	}
	switch _, err := c.table.Get(ctx, records.CloseKey(o.BusinessDay), true); {
	case errors.Is(err, table.ErrNotFound):
		return o.BusinessDay, nil
	case err != nil:
		return "", err
	}
	return "", model.Refuse(model.RefusedDayClosed, "The books of "+string(o.BusinessDay)+" are closed. The order counts as paid at the counter; how can no longer be said.")
}

// settle takes the payments of a draft for a new order.
func (c *Cafe) settle(o *model.Order, by Caller, drafts []model.DraftPayment) error {
	var faults model.Invalid
	for i, d := range drafts {
		at := "/payments/" + strconv.Itoa(i)
		p, err := o.Take(d, at)
		if errors.As(err, &faults) {
			return faults
		}
		if err != nil {
			return err
		}
		p.ID, p.Day, p.At, p.By, p.Role = model.OwnPaymentID(o.ID, i), o.BusinessDay, o.PlacedAt, by.ID, by.Role
		o.Payments = append(o.Payments, p)
	}
	return nil
}

// paymentParts are what a payment asks for, for a fingerprint.
func paymentParts(d model.DraftPayment) []string {
	return []string{string(d.Method), amountText(d.Amount), amountText(d.Tip), d.Reference}
}

// Refund gives money of an order back, in one conditional write, on the business day on which
// it is made. The key works as for PayOrder. An order that is collected and of which all is
// given back is refunded then.
//
// Staff may give back up to StaffRefund at once; more is model.Refused. Other errors are those
// of pricing.Refund and model.Order.RefundMethod, model.ErrKeyReused and model.ErrNotFound.
func (c *Cafe) Refund(ctx context.Context, by Caller, id string, draft model.DraftRefund, key string) (o model.Order, made model.Refund, replayed bool, err error) {
	if err := draft.Validate(); err != nil {
		return o, made, false, err
	}
	refundID, fingerprint := records.NewID(), ""
	if key != "" {
		refundID = model.DeriveID("refund", id, by.name(), key)
		fingerprint = refundFingerprint(draft)
	}
	o, err = c.change(ctx, by, id, nil, func(o model.Order) (model.Order, error) {
		if i := slices.IndexFunc(o.Refunds, func(r model.Refund) bool { return r.ID == refundID }); i >= 0 {
			if made, replayed = o.Refunds[i], key != ""; made.Fingerprint != fingerprint {
				return o, model.ErrKeyReused
			}
			return o, nil
		}
		if len(o.Refunds) >= model.MaxPayments {
			return o, model.Refuse(model.RefusedOverRefund, "The order has "+strconv.Itoa(model.MaxPayments)+" refunds already. An owner may give back all that is left by making it refunded.")
		}
		r, err := pricing.Refund(o, draft)
		if err != nil {
			return o, err
		}
		if by.Role != model.RoleOwner && r.Total() > c.StaffRefund {
			return o, model.Refuse(model.RefusedRefundLimit, "Staff may give back up to "+c.StaffRefund.Format(o.Currency)+" at once, and this is "+
				r.Total().Format(o.Currency)+". An owner may give back more.")
		}
		if o, err = c.giveBack(o, by, r, draft, refundID, fingerprint); err != nil {
			return o, err
		}
		if o.Status == model.StatusCollected && o.Due() == 0 && o.Left().Total() == 0 {
			o.Status = model.StatusRefunded
		}
		made, replayed = o.Refunds[len(o.Refunds)-1], false
		return o, nil
	})
	return o, made, replayed, err
}

// giveBack adds a refund that was reckoned to the order.
func (c *Cafe) giveBack(o model.Order, by Caller, r model.Refund, draft model.DraftRefund, id, fingerprint string) (model.Order, error) {
	var err error
	if r.Method, err = o.RefundMethod(draft.Method); err != nil {
		return o, err
	}
	if r.Method == model.MethodCash {
		r.Rounding = r.Total().InCoins(o.Currency) - r.Total()
	}
	r.ID, r.Reason, r.At, r.By, r.Role, r.Fingerprint = id, draft.Reason, c.now.Stamp(), by.ID, by.Role, fingerprint
	r.Day = c.Calendar.DayOf(r.At)
	o.Refunds = append(slices.Clone(o.Refunds), r)
	return o, nil
}

// refundAll gives back all that is left of a collected order, if anything is, and makes it
// refunded.
func (c *Cafe) refundAll(o model.Order, by Caller, reason string) (model.Order, error) {
	if due := o.Due(); due > 0 {
		why := model.RefusedUnpaid
		if o.Paid() == 0 {
			why = model.RefusedNothingPaid
		}
		return o, model.Refuse(why, due.Format(o.Currency)+" of the order was never paid, and cannot be given back. Give back what was paid: POST /orders/"+o.ID+"/refunds.")
	}
	if o.Left().Total() > 0 || len(o.Refunds) == 0 {
		draft := model.DraftRefund{Reason: reason}
		r, err := pricing.Refund(o, draft)
		var refused *model.Refused
		if err != nil && !errors.As(err, &refused) { // an order for nothing has nothing to give back
			return o, err
		}
		if o, err = c.giveBack(o, by, r, draft, records.NewID(), ""); err != nil {
			return o, err
		}
	}
	o.Status = model.StatusRefunded
	return o, nil
}

// refundFingerprint returns a fingerprint of all that the draft asks for.
func refundFingerprint(d model.DraftRefund) string {
	parts := []string{"refund", amountText(d.Amount), d.Reason, string(d.Method), strconv.FormatBool(d.Restock)}
	for _, l := range d.Lines {
		parts = append(parts, strconv.Itoa(l.Line), strconv.FormatInt(l.Quantity, 10))
	}
	return model.DeriveID(parts...)
}
