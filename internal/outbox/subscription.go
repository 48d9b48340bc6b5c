package outbox

import (
	"context"
	"errors"
	"log/slog"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// mostSteps is how many steps one attempt to settle a subscription takes, at most: ending an
// old one and making a new one takes five.
const mostSteps = 20

// subscribe makes a customer's subscription what the customer wants it to be now.
func (a *Announcer) subscribe(ctx context.Context, notifier Notifier, customerID string) error {
	return records.Retry(ctx, func() error {
		for range mostSteps {
			done, err := a.step(ctx, notifier, customerID)
			var overtaken *table.ConditionError
			switch {
			case errors.As(err, &overtaken):
				return records.ErrOvertaken
			case done || err != nil:
				return err
			}
		}
		return table.ErrConflict
	})
}

// step takes one step towards the subscription that the customer wants, and reports whether
// nothing is left to do. Each step reads anew, because wishes of one customer may be carried
// out at once and in any order. What is about to be asked of the notifier is stored first.
// So after a crash a subscription is never taken for ended, or for made, when it is not. A
// customer whose address can never be subscribed has their wish dropped.
func (a *Announcer) step(ctx context.Context, notifier Notifier, customerID string) (done bool, err error) {
	customer, err := records.Customer(ctx, a.table, customerID, true)
	if err != nil {
		return false, err
	}
	wanted := ""
	if customer.Notify {
		wanted = customer.Email
	}
	key := records.SubscriptionKey(customerID)
	now, err := a.table.Get(ctx, key, true)
	if err != nil && !errors.Is(err, table.ErrNotFound) {
		return false, err
	}
	email, name, ending := now.Str("email"), now.Str("subscription"), now.Bool("ending")
	unchanged := []table.Condition{table.Equal("email", table.String(email)), table.Missing("subscription")}
	if name != "" {
		unchanged[1] = table.Equal("subscription", table.String(name))
	}
	switch {
	case email == wanted && (name != "" || wanted == "") && !ending:
		return true, nil
	case email == "":
		return false, records.Write(ctx, a.table, table.Put(key, table.Item{"email": table.String(wanted)}, table.Absent()))
	case email == wanted && !ending:
		if err = a.confirm(ctx, notifier, customerID, email); errors.Is(err, ErrNever) {
			slog.WarnContext(ctx, "a customer's address cannot be subscribed to their alerts", "error", err.Error())
			err = a.dropWish(ctx, customerID, email)
		}
		return false, err
	case !ending:
		op := table.Update(key, unchanged...)
		op.Set = table.Item{"ending": table.Bool(true)}
		return false, records.Write(ctx, a.table, op)
	}
	if name == "" { // it was never made, or its name was lost
		err = notifier.UnsubscribeAddress(ctx, customerID, email)
	} else {
		err = notifier.Unsubscribe(ctx, name)
	}
	if err != nil {
		return false, err
	}
	return false, records.Write(ctx, a.table, table.Delete(key, append(unchanged, table.Equal("ending", table.Bool(true)))...))
}

// notSubscribed is why a subscription that is wanted could not be made.
type notSubscribed struct{ error }

func (e notSubscribed) Unwrap() error { return e.error }

// confirm subscribes the stored address and stores the subscription's name. When the
// customer's wish changed meanwhile, it ends the subscription again.
func (a *Announcer) confirm(ctx context.Context, notifier Notifier, customerID, email string) error {
	name, err := notifier.Subscribe(ctx, customerID, email)
	if err != nil {
		return notSubscribed{err}
	}
	op := table.Update(records.SubscriptionKey(customerID), table.Equal("email", table.String(email)), table.Missing("subscription"))
	op.Set = table.Item{"subscription": table.String(name)}
	err = records.Write(ctx, a.table, op)
	if now, overtaken := table.Failed(err, 0); overtaken && now.Str("email") != email {
		if err := notifier.Unsubscribe(ctx, name); err != nil {
			return err
		}
	}
	return err
}

// dropWish turns a customer's wish for e-mail off, if it is for that address.
func (a *Announcer) dropWish(ctx context.Context, customerID, email string) error {
	_, err := records.ChangeCustomer(ctx, a.table, customerID, nil, func(was model.Customer) (model.Customer, []table.Op) {
		next := was
		next.Notify = was.Notify && was.Email != email
		return next, nil
	})
	return err
}
