package cafe

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// Customer returns a customer that the caller may see, or model.ErrNotFound. Totals follow
// orders and payments within a moment.
//
// A customer is there as soon as an order or a payment that names them is, even before it
// has reached their totals. Customers themselves always are: with nothing stored, theirs is
// an empty profile with Version 0. Whoever was erased, and has neither ordered nor paid
// since, is not there.
func (c *Cafe) Customer(ctx context.Context, by Caller, id string) (model.Customer, error) {
	if !by.worksHere() && by.ID != id || id == model.WalkIn {
		return model.Customer{}, model.ErrNotFound
	}
	customer, err := records.Customer(ctx, c.table, id, false)
	if err != nil {
		return model.Customer{}, err
	}
	switch {
	case customer.Version > 0 && customer.ErasedAt.IsZero(), customer.Version == 0 && !by.worksHere():
		return customer, nil
	}
	named, err := c.namedSince(ctx, id, customer.ErasedAt)
	if err != nil {
		return model.Customer{}, err
	}
	if !named {
		return model.Customer{}, model.ErrNotFound
	}
	customer.ErasedAt = time.Time{}
	return customer, nil
}

// namedSince reports whether an order or a payment names the customer that was taken after
// the given time. On DynamoDB it reads an index that follows writes within a second or so.
func (c *Cafe) namedSince(ctx context.Context, id string, since time.Time) (bool, error) {
	newest := func(prefix string) (table.Page, error) {
		return c.table.Query(ctx, table.Query{Index: table.Index1, Partition: prefix + id, Descending: true, Limit: 1})
	}
	page, err := newest(records.PrefixCustomer)
	for _, row := range page.Rows {
		order, err := records.DecodeOrder(row.Key, row.Item)
		if err != nil || order.PlacedAt.After(since) {
			return err == nil, err
		}
	}
	if err != nil {
		return false, err
	}
	page, err = newest(records.PrefixPayment)
	for _, row := range page.Rows {
		paid, err := records.DecodePayment(row.Key, row.Item)
		if err != nil || paid.At.After(since) {
			return err == nil, err
		}
	}
	return false, err
}

// SetCustomer sets a customer's profile and credit limit, and reports whether the customer is
// new. A limit below the balance counts as a crossing. Fields at fault are a model.Invalid.
func (c *Cafe) SetCustomer(ctx context.Context, id string, p model.Profile, match records.Match) (customer model.Customer, created bool, err error) {
	if id == model.WalkIn {
		return customer, false, model.Invalid{{Field: "id", Message: "is nobody's: walk-ins have no account"}}
	}
	if err := p.Validate(); err != nil {
		return customer, false, err
	}
	customer, err = records.ChangeCustomer(ctx, c.table, id, match, func(was model.Customer) (model.Customer, []table.Op) {
		next := was
		created = was.Version == 0 || !was.ErasedAt.IsZero()
		next.Name, next.Email, next.Notify, next.CreditLimit = p.Name, p.Email, p.Notify, p.CreditLimit
		next.ErasedAt = time.Time{}
		var ops []table.Op
		if next.Settle(next.Limit(c.CreditLimit)) {
			ops = append(ops, outbox.HighBalance(c.Settings, next, c.now.Stamp()))
		}
		if was.Notify != p.Notify || was.Notify && was.Email != p.Email {
			ops = append(ops, outbox.SubscriptionChanged(id, c.now.Stamp()))
		}
		return next, ops
	})
	return customer, created, err
}

// Erase removes a customer's personal data, and the notes of their orders and payments. It
// keeps the totals, which are the café's own books. It raises no alert: a tab above the café's
// own limit must first fall below it. It is model.ErrNotFound when the customer does not
// exist or was erased before. An Erase that failed half-way can be repeated.
func (c *Cafe) Erase(ctx context.Context, id string) error {
	if was, err := records.Customer(ctx, c.table, id, true); err != nil || was.Version == 0 || !was.ErasedAt.IsZero() {
		return cmp.Or(err, model.ErrNotFound)
	}
	if err := c.forgetNotes(ctx, id); err != nil {
		return err
	}
	known := false
	_, err := records.ChangeCustomer(ctx, c.table, id, nil, func(was model.Customer) (model.Customer, []table.Op) {
		if known = was.Version > 0 && was.ErasedAt.IsZero(); !known {
			return was, nil
		}
		next := was
		next.Name, next.Email, next.Notify, next.CreditLimit = "", "", false, nil
		next.ErasedAt = c.now.Stamp()
		next.Armed = next.Balance <= next.Limit(c.CreditLimit)
		if was.Notify {
			return next, []table.Op{outbox.SubscriptionChanged(id, c.now.Stamp())}
		}
		return next, nil
	})
	if err == nil && !known {
		return model.ErrNotFound
	}
	return err
}

// forgetNotes removes the notes of a customer's orders and payments, the newest last.
func (c *Cafe) forgetNotes(ctx context.Context, id string) error {
	for _, partition := range []string{records.PrefixCustomer + id, records.PrefixPayment + id} {
		for row, err := range records.Query(ctx, c.table, table.Query{Index: table.Index1, Partition: partition}) {
			if err != nil {
				return err
			}
			switch err := c.forgetNote(ctx, row); {
			case records.IsUnreadable(err):
				slog.ErrorContext(ctx, "an item of an erased customer cannot be read, and keeps its note, if it has one", "error", err)
			case err != nil && !errors.Is(err, model.ErrNotFound): // an order may be deleted meanwhile
				return err
			}
		}
	}
	return nil
}

func (c *Cafe) forgetNote(ctx context.Context, row table.Row) error {
	if strings.HasPrefix(row.Key.PK, records.PrefixPayment) {
		paid, err := records.DecodePayment(row.Key, row.Item)
		if err != nil || paid.Note == "" {
			return err
		}
		paid.Note = ""
		return records.Write(ctx, c.table, table.Put(row.Key, records.EncodePayment(paid), table.Present()))
	}
	order, err := records.DecodeOrder(row.Key, row.Item)
	if err != nil || same(order, order.WithoutNotes()) {
		return err
	}
	_, err = c.change(ctx, Caller{Role: model.RoleOwner}, order.ID, nil, func(o model.Order) (model.Order, error) {
		return o.WithoutNotes(), nil
	})
	return err
}

// Pay takes a payment that lowers a customer's balance: by cash if method is empty. The key
// works as for Place.
func (c *Cafe) Pay(ctx context.Context, by Caller, customerID string, amount model.Money, method model.Method, note, key string) (paid model.Payment, replayed bool, err error) {
	if customerID == model.WalkIn {
		return paid, false, model.Invalid{{Field: "id", Message: "is nobody's: walk-ins have no account"}}
	}
	if err := model.ValidatePayment(amount, method, note); err != nil {
		return paid, false, err
	}
	id, fingerprint := records.NewID(), ""
	if key != "" {
		id = model.DeriveID("payment", string(by.Role), by.ID, key)
		parts := []string{"payment", customerID, amountText(amount), note}
		if method != "" && method != model.MethodCash { // as before v0.2.0, when all were cash
			parts = append(parts, string(method))
		}
		fingerprint = model.DeriveID(parts...)
	}
	now := c.now.Stamp()
	paid = model.Payment{
		ID: id, CustomerID: customerID, Amount: amount, Method: method, Note: note, Currency: c.Currency, At: now,
		BusinessDay: c.Calendar.DayOf(now), Shard: c.Shard(id), Fingerprint: fingerprint,
	}
	err = records.Write(ctx, c.table, table.Put(records.PaymentKey(id), records.EncodePayment(paid), table.Absent()))
	if item, exists := table.Failed(err, 0); exists {
		stored, err := records.DecodePayment(records.PaymentKey(id), item)
		if err != nil {
			return model.Payment{}, false, err
		}
		if stored.Fingerprint != fingerprint {
			return model.Payment{}, false, model.ErrKeyReused
		}
		return stored, key != "", nil
	}
	return paid, false, err
}

// Payments lists a customer's payments, newest first. Pages work as for Orders.
func (c *Cafe) Payments(ctx context.Context, by Caller, customerID, from string, limit int) (payments []model.Payment, next string, err error) {
	if _, err := c.Customer(ctx, by, customerID); err != nil {
		return nil, "", err
	}
	page, err := c.table.Query(ctx, table.Query{
		Index: table.Index1, Partition: records.PrefixPayment + customerID, To: from, Descending: true, Limit: limit + 1,
	})
	if err != nil {
		return nil, "", err
	}
	rows, more := page.Rows, page.Next != ""
	if len(rows) > limit {
		rows, more = rows[:limit], true
	}
	for _, row := range rows {
		p, err := records.DecodePayment(row.Key, row.Item)
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
