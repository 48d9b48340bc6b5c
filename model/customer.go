package model

import (
	"net/mail"
	"strconv"
	"time"
)

// Customer is somebody who runs a tab, or whose name was on an order.
type Customer struct {
	ID          string
	Name        string
	Email       string // empty: none
	Notify      bool   // wants their own high-balance alerts by e-mail
	CreditLimit *Money // nil: the café's default

	Balance     Money     // account orders that count − payments
	Orders      int64     // orders that count
	Spent       Money     // total of the orders that count
	LastOrderAt time.Time // when the newest order was placed, whatever became of it; zero: never

	Armed     bool  // the next crossing of the limit raises an alert
	Crossings int64 // how many there were

	// ErasedAt is when personal data was erased; zero: never, or the customer came
	// back since. Totals stay, for they are the café's own books.
	ErasedAt time.Time
	Version  int64 // 0: never stored
}

// NewCustomer returns a customer nothing is known about yet.
func NewCustomer(id string) Customer { return Customer{ID: id, Armed: true} }

// Profile is what staff may say about a customer.
type Profile struct {
	Name        string
	Email       string
	CreditLimit *Money
	Notify      bool
}

// Validate returns an Invalid that names every field at fault, or nil.
func (p Profile) Validate() error {
	var faults Invalid
	faults.CheckText("/name", p.Name, 1, MaxName, false)
	if p.Email != "" {
		if a, err := mail.ParseAddress(p.Email); err != nil || a.Address != p.Email || len(p.Email) > 254 {
			faults.Add("/email", "must be an e-mail address such as alice@example.com")
		}
	} else if p.Notify {
		faults.Add("/email", "must be given when notify is true")
	}
	if p.CreditLimit != nil && (*p.CreditLimit < 0 || *p.CreditLimit > MaxAmount) {
		faults.Add("/credit_limit", "must be from 0 to "+strconv.FormatInt(int64(MaxAmount), 10)+" minor units")
	}
	return faults.Err()
}

// Limit returns the customer's credit limit, or the café's default.
func (c Customer) Limit(standard Money) Money {
	if c.CreditLimit != nil {
		return *c.CreditLimit
	}
	return standard
}

// Settle re-arms the alert when the balance is at or under the limit, and takes note
// of a crossing when it is above and the alert was armed. It reports whether this was
// a crossing: exactly one alert is due for it.
func (c *Customer) Settle(limit Money) (crossed bool) {
	switch {
	case c.Balance <= limit:
		c.Armed = true
	case c.Armed:
		c.Armed = false
		c.Crossings++
		return true
	}
	return false
}

// MaxAmount is the highest payment, credit limit or imported amount: ten billion in
// major units, exact in every JSON reader.
const MaxAmount Money = 1_000_000_000_000
