// Package outbox gets messages out of the café: alerts about tabs and stock, and reports.
//
// A use case puts a message into the outbox in the same write that makes it due. The
// outbox's consumer (Announce) publishes it by a Notifier and marks it sent. So a message
// is never lost and never made up. It may be published twice, under one id. What stayed
// behind is picked up later (Sweep).
//
// The outbox also carries customers' wishes for e-mail to the notifier: each customer's own
// subscription to the alerts about them.
package outbox

import (
	"context"
	"errors"
	"time"

	"cafe/internal/records"
	"cafe/internal/table"
)

// Topic names where a message is published.
type Topic string

// The café's topics. SNS has them under the same names.
const (
	TopicHighBalance Topic = "HighBalanceAlert"
	TopicOutOfStock  Topic = "OutOfStock"
	TopicDailyReport Topic = "DailyReport"
)

// Message is what the subscribers of a topic get. It may be published twice, with the same
// ID.
type Message struct {
	ID         string
	Topic      Topic
	Subject    string            // of the e-mail
	Body       string            // for queues and other programs: JSON
	Mail       string            // for people: plain text. Empty: Body
	Attributes map[string]string // what filter policies look at
}

// Notifier publishes messages, and keeps customers' own subscriptions to HighBalanceAlert.
type Notifier interface {
	// Publish returns nil once the topic has the message.
	Publish(ctx context.Context, m Message) error
	// Subscribe has the alerts about one customer mailed to an address, once the owner of
	// the address has confirmed it. It returns the subscription's name. A customer and an
	// address have one subscription, however often it is asked for. ErrNotYet while the
	// address cannot be subscribed but may be later; ErrNever when asking again is no use.
	Subscribe(ctx context.Context, customerID, email string) (subscription string, err error)
	// Unsubscribe ends a subscription. One that has ended already is no error.
	Unsubscribe(ctx context.Context, subscription string) error
	// UnsubscribeAddress ends the subscription of a customer and address, if there is one,
	// when its name is not known. Nobody is asked to confirm anything.
	UnsubscribeAddress(ctx context.Context, customerID, email string) error
}

var (
	// ErrNotYet: the address cannot be subscribed now, but may be later.
	ErrNotYet = errors.New("the address cannot be subscribed yet")
	// ErrNever: the address cannot be subscribed, now or later.
	ErrNever = errors.New("the address cannot be subscribed")
)

// Kinds of outbox items.
const (
	kindMessage      = "message"      // to be published
	kindSubscription = "subscription" // a customer's wish for e-mail has changed
)

// item puts something into the outbox, once per id.
func item(id, kind string, at time.Time, attributes table.Item) table.Op {
	attributes["kind"] = table.String(kind)
	attributes["at"] = records.Time(at)
	attributes["state"] = table.String("pending")
	attributes[table.AttrIndex2] = table.String(records.PartitionPending)
	attributes[table.AttrSort] = table.String(records.TimeSort(at, id))
	return table.Put(records.OutboxKey(id), attributes, table.Absent())
}

// Put returns the operation that puts a message into the outbox. It is refused when a
// message of that id was ever put there.
func Put(m Message, at time.Time) table.Op {
	attributes := make(table.Item, len(m.Attributes))
	for name, value := range m.Attributes {
		attributes[name] = table.String(value)
	}
	stored := table.Item{
		"topic":      table.String(string(m.Topic)),
		"subject":    table.String(m.Subject),
		"body":       table.String(m.Body),
		"attributes": table.Map(attributes),
	}
	records.PutText(stored, "mail", m.Mail)
	return item(m.ID, kindMessage, at, stored)
}

func decodeMessage(key table.Key, item table.Item) (Message, error) {
	r := records.NewReader(key, item)
	m := Message{
		ID: records.IDIn(key, records.PrefixOutbox), Topic: Topic(r.Text("topic")), Subject: r.Text("subject"),
		Body: r.Text("body"), Mail: r.Optional("mail"), Attributes: map[string]string{},
	}
	attributes, _ := item["attributes"].Map()
	for name, v := range attributes {
		m.Attributes[name], _ = v.Str()
	}
	return m, r.Err()
}

// SubscriptionChanged returns the operation that notes that a customer's wish for e-mail may
// have changed. Announce goes by what is stored of the customer then, so any number of notes
// in any order end the same.
func SubscriptionChanged(customerID string, at time.Time) table.Op {
	return item(records.NewID(), kindSubscription, at, table.Item{"customer_id": table.String(customerID)})
}

// CountUndelivered returns how many messages, of the oldest 100 items in the outbox, were
// put there before the given time and are not sent.
func CountUndelivered(ctx context.Context, t table.Table, before time.Time) (n int64, err error) {
	page, err := t.Query(ctx, pending(before))
	for _, row := range page.Rows {
		if row.Item.Str("kind") == kindMessage {
			n++
		}
	}
	return n, err
}

// pending finds what was put into the outbox before the time and is not sent.
func pending(before time.Time) table.Query {
	return table.Query{
		Index: table.Index2, Partition: records.PartitionPending, Limit: 100, To: records.TimeSort(before, ""),
	}
}
