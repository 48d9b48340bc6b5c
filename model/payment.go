package model

import (
	"strconv"
	"time"
)

// Payment is money paid onto a customer's tab. It is never changed.
type Payment struct {
	ID          string
	CustomerID  string
	Amount      Money  // above 0; lowers the balance
	Method      Method // empty: cash
	Note        string
	Currency    string
	At          time.Time
	BusinessDay Day
	Shard       int64
	Fingerprint string // see Order.Fingerprint
}

// ValidatePayment checks the amount, the method (empty: cash) and the note of a payment. It
// returns an Invalid with all faults, or nil.
func ValidatePayment(amount Money, method Method, note string) error {
	var faults Invalid
	if amount < 1 || amount > MaxAmount {
		faults.Add("/amount", "must be from 1 to "+strconv.FormatInt(int64(MaxAmount), 10)+" minor units")
	}
	if method != "" && !method.Valid() {
		faults.Add("/method", badMethod)
	}
	faults.CheckText("/note", note, 0, MaxNote, true)
	return faults.Err()
}

// Entry returns what the payment contributes to the totals.
func (p Payment) Entry() Entry {
	e := Entry{
		Kind: EntryPayment, ID: p.ID, CustomerID: p.CustomerID, Day: p.BusinessDay, Shard: p.Shard,
		Posting: 1, At: p.At, Tab: -p.Amount,
	}
	e.Tenders = e.PlainTenders()
	if p.Method != "" {
		e.Tenders[1].Method = p.Method
	}
	return e
}
