package cafe

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"cafe/internal/table"
	"cafe/model"
)

// Customer returns a customer that the caller may see, or ErrNotFound. Totals follow
// orders and payments by a moment.
func (c *Cafe) Customer(ctx context.Context, by Caller, id string) (model.Customer, error) {
	if !by.worksHere() && by.ID != id {
		return model.Customer{}, ErrNotFound
	}
	customer, err := c.customer(ctx, id, false)
	if err == nil && (customer.Version == 0 || !customer.ErasedAt.IsZero()) {
		return model.Customer{}, ErrNotFound
	}
	return customer, err
}

// customer returns what is stored, or a new customer with Version 0.
func (c *Cafe) customer(ctx context.Context, id string, consistent bool) (model.Customer, error) {
	item, err := c.table.Get(ctx, customerKey(id), consistent)
	if errors.Is(err, table.ErrNotFound) {
		return model.NewCustomer(id), nil
	}
	if err != nil {
		return model.Customer{}, err
	}
	return customerOf(customerKey(id), item)
}

// putCustomer stores a customer that was read as it is but for what the caller changed,
// under the condition that nobody else changed it since.
func putCustomer(customer model.Customer) table.Op {
	condition := table.Absent()
	if customer.Version > 0 {
		condition = table.Equal("version", table.Int(customer.Version))
	}
	customer.Version++
	return table.Put(customerKey(customer.ID), customerItem(customer), condition)
}

// SetCustomer says who a customer is and how far their tab may run, and tells whether
// the customer is new. A limit under the balance is a crossing. Fields at fault are a
// model.Invalid.
func (c *Cafe) SetCustomer(ctx context.Context, id string, p model.Profile, match Match) (customer model.Customer, created bool, err error) {
	if id == model.WalkIn {
		return customer, false, model.Invalid{{Field: "id", Message: "is nobody's: walk-ins have no account"}}
	}
	if err := p.Validate(); err != nil {
		return customer, false, err
	}
	customer, err = c.changeCustomer(ctx, id, match, func(was model.Customer) (model.Customer, []table.Op) {
		next := was
		created = was.Version == 0 || !was.ErasedAt.IsZero()
		next.Name, next.Email, next.Notify, next.CreditLimit = p.Name, p.Email, p.Notify, p.CreditLimit
		next.ErasedAt = time.Time{}
		var ops []table.Op
		if next.Settle(next.Limit(c.CreditLimit)) {
			ops = append(ops, c.highBalance(next))
		}
		if was.Notify != p.Notify || was.Notify && was.Email != p.Email {
			ops = append(ops, c.subscription(next))
		}
		return next, ops
	})
	return customer, created, err
}

// Erase removes what is personal of a customer, with the notes on their orders and payments,
// and keeps the café's own totals. It raises no alert: over the café's own limit, the tab has
// to sink before it can cross it. It is ErrNotFound when there is no such customer, or not any
// more. One that failed half-way goes on where it was when it is tried again.
func (c *Cafe) Erase(ctx context.Context, id string) error {
	if was, err := c.customer(ctx, id, true); err != nil || was.Version == 0 || !was.ErasedAt.IsZero() {
		return cmp.Or(err, ErrNotFound)
	}
	if err := c.forgetNotes(ctx, id); err != nil {
		return err
	}
	known := false
	_, err := c.changeCustomer(ctx, id, nil, func(was model.Customer) (model.Customer, []table.Op) {
		if known = was.Version > 0 && was.ErasedAt.IsZero(); !known {
			return was, nil
		}
		next := was
		next.Name, next.Email, next.Notify, next.CreditLimit = "", "", false, nil
		next.ErasedAt = c.clock()
		next.Armed = next.Balance <= next.Limit(c.CreditLimit)
		if was.Notify {
			return next, []table.Op{c.subscription(next)}
		}
		return next, nil
	})
	if err == nil && !known {
		return ErrNotFound
	}
	return err
}

// forgetNotes takes the notes off a customer's orders and payments, last the newest.
func (c *Cafe) forgetNotes(ctx context.Context, id string) error {
	for _, partition := range []string{prefixCustomer + id, prefixPayment + id} {
		query := table.Query{Index: table.Index1, Partition: partition}
		for {
			page, err := c.table.Query(ctx, query)
			if err != nil {
				return err
			}
			for _, row := range page.Rows {
				switch err := c.forgetNote(ctx, row); {
				case isUnreadable(err):
					slog.ErrorContext(ctx, "an item of an erased customer keeps its note, if it has one", "error", err)
				case err != nil && !errors.Is(err, ErrNotFound): // an order may be deleted meanwhile
					return err
				}
			}
			if page.Next == "" {
				break
			}
			query.From = table.After(page.Next)
		}
	}
	return nil
}

func (c *Cafe) forgetNote(ctx context.Context, row table.Row) error {
	if strings.HasPrefix(row.Key.PK, prefixPayment) {
		paid, err := paymentOf(row.Key, row.Item)
		if err != nil || paid.Note == "" {
			return err
		}
		paid.Note = ""
		return c.write(ctx, table.Put(row.Key, paymentItem(paid), table.Present()))
	}
	order, err := orderOf(row.Key, row.Item)
	if err != nil || same(order, order.WithoutNotes()) {
		return err
	}
	_, err = c.change(ctx, Caller{Role: model.RoleOwner}, order.ID, nil, func(o model.Order) (model.Order, error) {
		return o.WithoutNotes(), nil
	})
	return err
}

// changeCustomer reads a customer, lets edit have them, and stores the result with the
// other operations, anew when somebody else changed the customer in between. It returns
// the customer as stored; Version is left to it. ErrStale when match is given and does
// not hold. An alert that is there already is left to be: see postToTab.
func (c *Cafe) changeCustomer(ctx context.Context, id string, match Match, edit func(model.Customer) (model.Customer, []table.Op)) (model.Customer, error) {
	announced := int64(0)
	for attempt := 0; ; attempt++ {
		was, err := c.customer(ctx, id, true)
		if err != nil {
			return was, err
		}
		version := was.Version
		if !was.ErasedAt.IsZero() {
			version = 0
		}
		if match != nil && !match(version) {
			return was, ErrStale
		}
		was.Crossings += announced
		next, ops := edit(was)
		if sameCustomer(was, next) {
			return was, nil
		}
		err = c.write(ctx, append([]table.Op{putCustomer(next)}, ops...)...)
		if err == nil {
			next.Version++
			return next, nil
		}
		var refused *table.ConditionError
		if !errors.As(err, &refused) {
			return was, err
		}
		if _, changed := table.Failed(err, 0); !changed {
			announced++
		}
		if attempt == attempts {
			return was, table.ErrConflict
		}
		if err := pause(ctx, attempt); err != nil {
			return was, err
		}
	}
}

// sameCustomer tells whether both would be stored the same.
func sameCustomer(a, b model.Customer) bool { return customerItem(a).Equal(customerItem(b)) }

// Pay takes a payment onto a customer's tab. The key works as for Place.
func (c *Cafe) Pay(ctx context.Context, by Caller, customerID string, amount model.Money, note, key string) (paid model.Payment, replayed bool, err error) {
	if customerID == model.WalkIn {
		return paid, false, model.Invalid{{Field: "id", Message: "is nobody's: walk-ins have no account"}}
	}
	if err := model.ValidatePayment(amount, note); err != nil {
		return paid, false, err
	}
	id, print := newID(), ""
	if key != "" {
		id = model.DeriveID("payment", string(by.Role), by.ID, key)
		print = model.DeriveID("payment", customerID, strconv.FormatInt(int64(amount), 10), note)
	}
	now := c.clock()
	paid = model.Payment{
		ID: id, CustomerID: customerID, Amount: amount, Note: note, Currency: c.Currency, At: now,
		BusinessDay: c.Calendar.DayOf(now), Shard: c.shardOf(id), Fingerprint: print,
	}
	err = c.write(ctx, table.Put(paymentKey(id), paymentItem(paid), table.Absent()))
	if item, exists := table.Failed(err, 0); exists {
		stored, err := paymentOf(paymentKey(id), item)
		if err != nil {
			return model.Payment{}, false, err
		}
		if stored.Fingerprint != print {
			return model.Payment{}, false, ErrKeyReused
		}
		return stored, key != "", nil
	}
	return paid, false, err
}

// Payments lists a customer's payments, newest first, as Orders does.
func (c *Cafe) Payments(ctx context.Context, by Caller, customerID, from string, limit int) (payments []model.Payment, next string, err error) {
	if _, err := c.Customer(ctx, by, customerID); err != nil {
		return nil, "", err
	}
	page, err := c.table.Query(ctx, table.Query{
		Index: table.Index1, Partition: prefixPayment + customerID, To: from, Descending: true, Limit: limit + 1,
	})
	if err != nil {
		return nil, "", err
	}
	rows, more := page.Rows, page.Next != ""
	if len(rows) > limit {
		rows, more = rows[:limit], true
	}
	for _, row := range rows {
		p, err := paymentOf(row.Key, row.Item)
		if err != nil {
			return nil, "", err
		}
		payments = append(payments, p)
	}
	if more && len(rows) > 0 {
		next = rows[len(rows)-1].Item.Str(table.AttrSort)
	}
	return payments, next, nil
}
