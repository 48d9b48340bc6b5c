package outbox

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"cafe/internal/records"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/model"
)

// HighBalance returns the operation that puts the alert for a crossing, which
// Customer.Settle has just found, into the outbox. The alert there names nobody: the name
// is added when it is published.
func HighBalance(s settings.Settings, customer model.Customer, now time.Time) table.Op {
	return Put(highBalanceMessage(s, customer.HighBalance(customer.Limit(s.CreditLimit), s.Currency, now)), now)
}

// highBalanceBody is the alert for queues and other programs.
type highBalanceBody struct {
	AlertID      string      `json:"alert_id"`
	Type         string      `json:"type"`
	CustomerID   string      `json:"customer_id"`
	CustomerName string      `json:"customer_name"`
	Balance      model.Money `json:"balance"`
	CreditLimit  model.Money `json:"credit_limit"`
	Currency     string      `json:"currency"`
	Crossing     int64       `json:"crossing"`
	At           string      `json:"at"`
}

// highBalanceMessage speaks to the customer. SNS has one text for all e-mail subscriptions of
// a topic, and the owner's is one of them: so the owner gets a copy of the customer's letter.
// What happens to a balance that is critical is between the owner and the queue
// CreditCollection, and is not in it.
func highBalanceMessage(s settings.Settings, a model.HighBalance) Message {
	who := a.CustomerID
	if a.CustomerName != "" {
		who = a.CustomerName + " (" + a.CustomerID + ")"
	}
	balance, limit := a.Balance.Format(a.Currency), a.CreditLimit.Format(a.Currency)
	words := fmt.Sprintf("For %s\n\nYour tab at %s has risen to %s.\nIts limit is %s. You can pay at the counter.\n", who, s.Name, balance, limit)
	words += fmt.Sprintf("\nNoted %s. There will be no further mail about this tab\nuntil it has been back at or under the limit.\n"+
		"\nThe owner of %s gets this mail, and the customer who asked for it.\n",
		a.At.In(s.Calendar.Zone).Format("Mon 2 Jan 2006 at 15:04"), s.Name)
	return Message{
		ID: a.AlertID, Topic: TopicHighBalance,
		Subject: Subject(s.Name, "tab at "+balance, who),
		Mail:    words,
		Body: JSON(highBalanceBody{a.AlertID, "high_balance", a.CustomerID, a.CustomerName, a.Balance, a.CreditLimit,
			a.Currency, a.Crossing, model.Timestamp(a.At)}),
		Attributes: map[string]string{"type": "high_balance", "customer_id": a.CustomerID, "severity": string(a.Severity())},
	}
}

// HighBalanceIn returns the alert about a tab that a change has put into the outbox. ok is
// false when the change is another. An alert that cannot be read is an error that
// records.IsUnreadable.
func HighBalanceIn(change records.Change) (alert model.HighBalance, ok bool, err error) {
	if change.Old != nil || change.New == nil || change.New.Str("topic") != string(TopicHighBalance) {
		return alert, false, nil
	}
	r := records.NewReader(change.Key, change.New)
	var body highBalanceBody
	r.Note(json.Unmarshal([]byte(r.Text("body")), &body))
	at, err := time.Parse(time.RFC3339, body.At)
	r.Note(err)
	return model.HighBalance{
		AlertID: body.AlertID, CustomerID: body.CustomerID, Balance: body.Balance, CreditLimit: body.CreditLimit,
		Currency: body.Currency, Crossing: body.Crossing, At: at,
	}, true, r.Err()
}

// OutOfStock returns the operation that puts the alert for an item that ran out at that
// time into the outbox.
func OutOfStock(s settings.Settings, stock model.Stock, name string, at, now time.Time) table.Op {
	a := stock.OutOfStock(name, at)
	return Put(Message{
		ID: a.AlertID, Topic: TopicOutOfStock,
		Subject: Subject(s.Name, "sold out", a.Name),
		Mail: fmt.Sprintf("%s has sold out at %s, %s.\nOrders for it are refused until more is on the shelf.\n",
			a.Name, s.Name, at.In(s.Calendar.Zone).Format("Mon 2 Jan 2006 at 15:04")),
		Body: JSON(struct {
			AlertID string `json:"alert_id"`
			Type    string `json:"type"`
			SKU     string `json:"sku"`
			Name    string `json:"name"`
			At      string `json:"at"`
		}{a.AlertID, "out_of_stock", a.SKU, a.Name, model.Timestamp(a.At)}),
		Attributes: map[string]string{"type": "out_of_stock", "sku": a.SKU},
	}, now)
}

// maxSubject is how many characters a subject has, at most: SNS takes fewer than 100 (SNS API
// Reference, Publish).
const maxSubject = 99

// Subject joins the café's name and the facts to a mail's subject without control characters,
// as SNS demands. When it is too long, the name is shortened, and only then the end of the
// facts. SNS also demands ASCII: the notifier sees to that.
func Subject(name string, facts ...string) string {
	clean := func(s string) []rune {
		return []rune(strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return -1
			}
			return r
		}, s))
	}
	rest := clean(" · " + strings.Join(facts, " · "))
	return string(append(shortened(clean(name), max(maxSubject-len(rest), 12)), shortened(rest, maxSubject-12)...))
}

func shortened(s []rune, most int) []rune {
	if len(s) <= most {
		return s
	}
	return append(s[:most-1:most-1], '…')
}

// JSON encodes a message's body. The value must be a struct of texts, numbers and flags.
func JSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a struct of strings and numbers always marshals
	}
	return string(b)
}
