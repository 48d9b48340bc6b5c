package model

import (
	"net/mail"
	"strconv"
	"time"
)

// Customer is a person who runs a tab or whom an order names.
type Customer struct {
	ID          string
	Name        string
	Email       string // empty if there is none
	Notify      bool   // the customer wants their own high-balance alerts by e-mail
	CreditLimit *Money // nil: the café's default

	Balance     Money     // the account orders that count, minus payments
	Orders      int64     // how many orders count
	Spent       Money     // the total of the orders that count
	LastOrderAt time.Time // when the newest order was placed, even if it does not count; zero: never

	Listed    bool  // in the list of all customers
	Armed     bool  // the next crossing of the limit makes an alert
	Crossings int64 // how often the balance has risen above the limit

	// ErasedAt is when personal data was erased. It is zero if that never happened, or if
	// the customer has ordered or paid since. Totals stay, because they are the café's books.
	ErasedAt time.Time
	Version  int64 // one more with every write; 0: never stored
}

// NewCustomer returns a customer with only an id.
func NewCustomer(id string) Customer { return Customer{ID: id, Armed: true} }

// Profile has the details of a customer that staff may change.
type Profile struct {
	Name        string
	Email       string
	CreditLimit *Money
	Notify      bool
}

// Validate returns an Invalid with all faults, or nil.
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

// Limit returns the customer's credit limit, or the given default if there is none.
func (c Customer) Limit(standard Money) Money {
	if c.CreditLimit != nil {
		return *c.CreditLimit
	}
	return standard
}

// Settle reports whether this is a crossing: the balance is above the limit, and the alert
// was armed. Then exactly one alert is due, and Settle disarms it and counts the crossing.
// It arms the alert again when the balance is at or below the limit.
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

// MaxAmount is the highest payment, credit limit and imported amount, in minor units. Every
// JSON reader represents it exactly.
const MaxAmount Money = 1_000_000_000_000
