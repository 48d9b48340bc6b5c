package records

import (
	"context"
	"errors"

	"cafe/internal/table"
	"cafe/model"
)

// EncodeCustomer returns a customer as it is stored.
func EncodeCustomer(c model.Customer) table.Item {
	item := table.Item{
		"balance":   table.Int(int64(c.Balance)),
		"orders":    table.Int(c.Orders),
		"spent":     table.Int(int64(c.Spent)),
		"crossings": table.Int(c.Crossings),
		"version":   table.Int(c.Version),
	}
	PutText(item, "name", c.Name)
	PutText(item, "email", c.Email)
	PutFlag(item, "notify", c.Notify)
	PutFlag(item, "armed", c.Armed)
	PutFlag(item, "listed", c.Listed)
	PutTime(item, "last_order_at", c.LastOrderAt)
	PutTime(item, "erased_at", c.ErasedAt)
	if c.CreditLimit != nil {
		item["credit_limit"] = table.Int(int64(*c.CreditLimit))
	}
	return item
}

// DecodeCustomer returns a stored customer, or an error that IsUnreadable.
func DecodeCustomer(key table.Key, item table.Item) (model.Customer, error) {
	r := NewReader(key, item)
	c := model.Customer{
		ID:        IDIn(key, PrefixCustomer),
		Name:      r.Optional("name"),
		Email:     r.Optional("email"),
		Notify:    r.Flag("notify"),
		Balance:   model.Money(r.Number("balance")),
		Orders:    r.Number("orders"),
		Spent:     model.Money(r.Number("spent")),
		Armed:     r.Flag("armed"),
		Listed:    r.Flag("listed"),
		Crossings: r.Number("crossings"),
		Version:   r.Number("version"),

		LastOrderAt: r.OptionalTime("last_order_at"),
		ErasedAt:    r.OptionalTime("erased_at"),
	}
	if r.Has("credit_limit") {
		limit := model.Money(r.Number("credit_limit"))
		c.CreditLimit = &limit
	}
	return c, r.Err()
}

// Customer returns a stored customer, or a new one with Version 0 when none is stored.
func Customer(ctx context.Context, t table.Table, id string, consistent bool) (model.Customer, error) {
	customer, err := Get(ctx, t, CustomerKey(id), consistent, DecodeCustomer)
	if errors.Is(err, model.ErrNotFound) {
		return model.NewCustomer(id), nil
	}
	return customer, err
}

// PutCustomer stores a customer under the condition that nobody else stored them since they
// were read. Version must be as read; it is one higher once stored.
func PutCustomer(customer model.Customer) table.Op {
	condition := table.Absent()
	if customer.Version > 0 {
		condition = table.Equal("version", table.Int(customer.Version))
	}
	customer.Version++
	return table.Put(CustomerKey(customer.ID), EncodeCustomer(customer), condition)
}

// List puts a customer into the list of customers, unless they are in it. It comes before the
// customer is stored, as listed: a crash in between lists nobody, which readers pass over.
func List(ctx context.Context, t table.Table, customer *model.Customer) error {
	if customer.Listed {
		return nil
	}
	if err := Write(ctx, t, table.Put(ListedKey(customer.ID), table.Item{"listed": table.Bool(true)})); err != nil {
		return err
	}
	customer.Listed = true
	return nil
}

// Match is a caller's condition on the version of what they want to change, 0 when it does
// not exist (RFC 9110, sections 13.1.1 and 13.1.2). A nil Match is no condition.
type Match func(version int64) bool

// ChangeCustomer reads a customer, has edit change them, and stores the result together with
// the operations that edit returns. It tries again when somebody else stored the customer
// meanwhile. It returns the customer as stored; Version is not edit's to change.
// model.ErrStale when match is given and does not hold.
//
// An operation may put an alert into the outbox. When that alert exists already (the
// customer's item was lost and made anew), the crossing gets the next number.
func ChangeCustomer(ctx context.Context, t table.Table, id string, match Match, edit func(model.Customer) (model.Customer, []table.Op)) (stored model.Customer, err error) {
	announced := int64(0) // crossings that have their alert already
	err = Retry(ctx, func() error {
		was, err := Customer(ctx, t, id, true)
		if err != nil {
			return err
		}
		version := was.Version
		if !was.ErasedAt.IsZero() {
			version = 0
		}
		if match != nil && !match(version) {
			return model.ErrStale
		}
		was.Crossings += announced
		next, ops := edit(was)
		if EncodeCustomer(was).Equal(EncodeCustomer(next)) {
			stored = was
			return nil
		}
		if err := List(ctx, t, &next); err != nil {
			return err
		}
		err = Write(ctx, t, append([]table.Op{PutCustomer(next)}, ops...)...)
		if err == nil {
			stored = next
			stored.Version++
			return nil
		}
		var refused *table.ConditionError
		if !errors.As(err, &refused) {
			return err
		}
		if _, changed := table.Failed(err, 0); !changed {
			announced++
		}
		return ErrOvertaken
	})
	return stored, err
}
