package cafe

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"cafe/internal/metric"
	"cafe/internal/table"
	"cafe/model"
)

// Topic is where a message is published.
type Topic string

// The café's topics, by the names that they have in SNS.
const (
	TopicHighBalance Topic = "HighBalanceAlert"
	TopicOutOfStock  Topic = "OutOfStock"
	TopicDailyReport Topic = "DailyReport"
)

// Message is what a topic's subscribers get. Delivery is at least once: ID is the same
// whenever the same message is published again.
type Message struct {
	ID         string
	Topic      Topic
	Subject    string            // of the e-mail
	Body       string            // for queues and other programs: JSON
	Mail       string            // for people, plain text; empty: Body
	Attributes map[string]string // that filter policies go by
}

// Notifier publishes messages and keeps customers' own subscriptions to HighBalanceAlert.
type Notifier interface {
	// Publish returns nil once the message is with the topic.
	Publish(ctx context.Context, m Message) error
	// Subscribe has the alerts about one customer mailed to the address, too, once its
	// owner has confirmed it, and returns what names the subscription. There is one for
	// a customer and address, however often it is asked for. ErrNotYet while the address
	// cannot be subscribed, but may be later; ErrNever when asking again is of no use.
	Subscribe(ctx context.Context, customerID, email string) (subscription string, err error)
	// Unsubscribe ends a subscription. One that has ended already is no error.
	Unsubscribe(ctx context.Context, subscription string) error
	// UnsubscribeAddress ends the subscription for a customer and address, whose name is
	// not known, if there is one. Nobody is asked to confirm anything.
	UnsubscribeAddress(ctx context.Context, customerID, email string) error
}

var (
	// ErrNotYet says that an address cannot be subscribed, but may be later.
	ErrNotYet = errors.New("the address cannot be subscribed yet")
	// ErrNever says that an address cannot be subscribed, now or later.
	ErrNever = errors.New("the address cannot be subscribed")
)

// Kinds of outbox items.
const (
	outboxMessage      = "message"      // to publish
	outboxSubscription = "subscription" // a customer's wish for e-mail has changed
)

// outboxItem puts something into the outbox, once per id.
func outboxItem(id, kind string, at time.Time, item table.Item) table.Op {
	item["kind"] = table.String(kind)
	item["at"] = moment(at)
	item["state"] = table.String("pending")
	item[table.AttrIndex2] = table.String(partitionPending)
	item[table.AttrSort] = table.String(fmt.Sprintf("%016d#%s", at.UnixMicro(), id))
	return table.Put(outboxKey(id), item, table.Absent())
}

func messageItem(m Message, at time.Time) table.Op {
	attributes := make(table.Item, len(m.Attributes))
	for name, value := range m.Attributes {
		attributes[name] = table.String(value)
	}
	item := table.Item{
		"topic":      table.String(string(m.Topic)),
		"subject":    table.String(m.Subject),
		"body":       table.String(m.Body),
		"attributes": table.Map(attributes),
	}
	putText(item, "mail", m.Mail)
	return outboxItem(m.ID, outboxMessage, at, item)
}

func messageOf(key table.Key, item table.Item) (Message, error) {
	r := reader{item: item}
	m := Message{
		ID: idOf(key, prefixOutbox), Topic: Topic(r.text("topic")), Subject: r.text("subject"),
		Body: r.text("body"), Mail: r.optional("mail"), Attributes: map[string]string{},
	}
	attributes, _ := item["attributes"].Map()
	for name, v := range attributes {
		m.Attributes[name], _ = v.Str()
	}
	return m, r.wrap(key)
}

// highBalance puts the alert for a crossing that Settle has just found into the outbox. It
// names nobody there: see current.
func (c *Cafe) highBalance(customer model.Customer) table.Op {
	now := c.clock()
	return messageItem(c.highBalanceMessage(customer.HighBalance(customer.Limit(c.CreditLimit), c.Currency, now)), now)
}

// highBalanceBody is what queues and other programs are told of a tab above its limit.
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

func (c *Cafe) highBalanceMessage(a model.HighBalance) Message {
	who := a.CustomerID
	if a.CustomerName != "" {
		who = a.CustomerName + " (" + a.CustomerID + ")"
	}
	balance, limit := a.Balance.Format(a.Currency), a.CreditLimit.Format(a.Currency)
	words := fmt.Sprintf("The tab of %s at %s has risen to %s.\nIts limit is %s.\n", who, c.Name, balance, limit)
	if a.Severity() == model.SeverityCritical {
		words += "That is more than twice the limit: the account is passed on to credit collection.\n"
	}
	words += fmt.Sprintf("\nNoted %s. There will be no further mail about this tab\nuntil it has been back at or under the limit.\n",
		a.At.In(c.Calendar.Zone).Format("Mon 2 Jan 2006 at 15:04"))
	return Message{
		ID: a.AlertID, Topic: TopicHighBalance,
		Subject: subject(c.Name, "tab at "+balance, who),
		Mail:    words,
		Body: body(highBalanceBody{a.AlertID, "high_balance", a.CustomerID, a.CustomerName, a.Balance, a.CreditLimit,
			a.Currency, a.Crossing, Timestamp(a.At)}),
		Attributes: map[string]string{"type": "high_balance", "customer_id": a.CustomerID, "severity": string(a.Severity())},
	}
}

// current makes an alert of the outbox one for its customer as they are now. It has their
// name, so that one who was erased while it waited is not named. Their own subscription is
// as they wish: who wanted no more mail before gets none of it. One that cannot be made is
// no reason to keep the alert from the others.
func (c *Cafe) current(ctx context.Context, notifier Notifier, m Message) (Message, error) {
	var b highBalanceBody
	if err := json.Unmarshal([]byte(m.Body), &b); err != nil {
		return m, fmt.Errorf("read alert: %w", err)
	}
	at, err := time.Parse(time.RFC3339, b.At)
	if err != nil {
		return m, fmt.Errorf("read alert: %w", err)
	}
	if err := c.subscribe(ctx, notifier, b.CustomerID); err != nil && !errors.As(err, new(notSubscribed)) {
		return m, err
	}
	customer, err := c.customer(ctx, b.CustomerID, true)
	if err != nil {
		return m, err
	}
	return c.highBalanceMessage(model.HighBalance{
		AlertID: m.ID, CustomerID: b.CustomerID, CustomerName: customer.Name, Balance: b.Balance, CreditLimit: b.CreditLimit,
		Currency: b.Currency, Crossing: b.Crossing, At: at,
	}), nil
}

// outOfStock puts the alert for a shelf that ran empty then into the outbox.
func (c *Cafe) outOfStock(stock model.Stock, name string, at time.Time) table.Op {
	a := stock.OutOfStock(name, at)
	return messageItem(Message{
		ID: a.AlertID, Topic: TopicOutOfStock,
		Subject: subject(c.Name, "sold out", a.Name),
		Mail: fmt.Sprintf("%s has sold out at %s, %s.\nOrders for it are refused until more is on the shelf.\n",
			a.Name, c.Name, at.In(c.Calendar.Zone).Format("Mon 2 Jan 2006 at 15:04")),
		Body: body(struct {
			AlertID string `json:"alert_id"`
			Type    string `json:"type"`
			SKU     string `json:"sku"`
			Name    string `json:"name"`
			At      string `json:"at"`
		}{a.AlertID, "out_of_stock", a.SKU, a.Name, Timestamp(a.At)}),
		Attributes: map[string]string{"type": "out_of_stock", "sku": a.SKU},
	}, c.clock())
}

// Timestamp writes a time as the contract has it: RFC 3339 in UTC with microseconds.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

// subject joins the parts to a mail's subject as SNS takes it: at most 100 characters,
// none of them a control character (SNS API Reference, Publish). Anything but ASCII is
// the notifier's business.
func subject(parts ...string) string {
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.Join(parts, " · "))
	if runes := []rune(s); len(runes) > 99 {
		return string(runes[:98]) + "…"
	}
	return s
}

func body(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // a struct of strings and numbers always marshals
	}
	return string(b)
}

// subscription notes that a customer's wish for e-mail may have changed. Announce goes
// by what is stored then, so any number of notes in any order end the same.
func (c *Cafe) subscription(customer model.Customer) table.Op {
	return outboxItem(newID(), outboxSubscription, c.clock(), table.Item{"customer_id": table.String(customer.ID)})
}

// Announce does what new outbox items ask for, and marks them sent. An item that was
// done but could not be marked is done again, with the same message id. One that is sent
// keeps no text. The errors are by change, nil where it is done, or where a subscription
// cannot be made yet: that is left to later sweeps.
func (c *Cafe) Announce(ctx context.Context, notifier Notifier, changes []Change) []error {
	errs := make([]error, len(changes))
	// Wishes before alerts, which look whether those are carried out.
	for _, wishes := range []bool{true, false} {
		_ = each(ctx, len(changes), func(ctx context.Context, i int) error {
			item := changes[i].New
			if !strings.HasPrefix(changes[i].Key.PK, prefixOutbox) || item.Str("state") != "pending" || (item.Str("kind") == outboxSubscription) != wishes {
				return nil
			}
			if err := c.announce(ctx, notifier, changes[i].Key, item); !errors.Is(err, ErrNotYet) {
				errs[i] = err
			}
			return nil
		})
	}
	return errs
}

// Announces tells whether Announce has anything to do with changes of items in that
// partition: the filter of the notifier's consumer.
func Announces(pk string) bool { return strings.HasPrefix(pk, prefixOutbox) }

// Sweep announces what is still pending after the grace period: a stream record may
// have been lost, or a topic been away for longer than retries last. It returns how
// many items it did. What it could not do it leaves to the next sweep; it fails when it
// cannot read what is pending, or when something failed and nothing was done.
func (c *Cafe) Sweep(ctx context.Context, notifier Notifier, grace time.Duration) (done int, err error) {
	query := table.Query{
		Index: table.Index2, Partition: partitionPending, Limit: 100,
		To: fmt.Sprintf("%016d", c.clock().Add(-grace).UnixMicro()),
	}
	for {
		page, pageErr := c.table.Query(ctx, query)
		if pageErr != nil {
			return done, errors.Join(err, pageErr)
		}
		for _, row := range page.Rows {
			itemErr := c.announce(ctx, notifier, row.Key, row.Item)
			if itemErr == nil {
				done++
			} else if !errors.Is(itemErr, ErrNotYet) {
				err = errors.Join(err, itemErr)
			}
		}
		if page.Next == "" {
			break
		}
		query.From = table.After(page.Next)
	}
	if err != nil && done > 0 {
		slog.ErrorContext(ctx, "some of the outbox is left to the next sweep", "done", done, "error", err.Error())
		return done, nil
	}
	return done, err
}

func (c *Cafe) announce(ctx context.Context, notifier Notifier, key table.Key, item table.Item) error {
	var err error
	switch kind := item.Str("kind"); kind {
	case outboxMessage:
		var m Message
		if m, err = messageOf(key, item); err == nil && m.Topic == TopicHighBalance {
			m, err = c.current(ctx, notifier, m)
		}
		if err == nil {
			err = notifier.Publish(ctx, m)
		}
	case outboxSubscription:
		err = c.subscribe(ctx, notifier, item.Str("customer_id"))
	default:
		err = fmt.Errorf("outbox item of unknown kind %q", kind)
	}
	if errors.Is(err, ErrNotYet) {
		slog.InfoContext(ctx, "a subscription has to wait", "id", idOf(key, prefixOutbox), "error", err.Error())
	}
	if err != nil {
		return fmt.Errorf("announce %s: %w", idOf(key, prefixOutbox), err)
	}
	sent := table.Update(key, table.Present())
	sent.Set = table.Item{"state": table.String("sent"), "sent_at": moment(c.clock())}
	sent.Remove = []string{table.AttrIndex2, table.AttrSort, "subject", "body", "mail"}
	err = c.write(ctx, sent)
	if _, gone := table.Failed(err, 0); gone {
		return nil
	}
	if kind := item.Str("kind"); kind == outboxMessage && err == nil {
		metric.Emit([]metric.Figure{{Name: "Announcements", Value: 1, Unit: metric.Count}}, metric.Dimension{Name: "Topic", Value: item.Str("topic")})
	}
	slog.InfoContext(ctx, "announced", "id", idOf(key, prefixOutbox), "kind", item.Str("kind"), "topic", item.Str("topic"))
	return err
}

// subscribe makes a customer's subscription what the customer wants it to be now, step by
// step, and looks again after each: notes of the same customer may be announced at once and
// in any order. What is about to be done with the notifier is stored first, so that after a
// crash nobody takes a subscription for ended that is not, or for one that is. A customer
// whose address can never be subscribed has their wish dropped.
func (c *Cafe) subscribe(ctx context.Context, notifier Notifier, customerID string) error {
	key := subscriptionKey(customerID)
	for attempt := 0; ; attempt++ {
		customer, err := c.customer(ctx, customerID, true)
		if err != nil {
			return err
		}
		wanted := ""
		if customer.Notify {
			wanted = customer.Email
		}
		now, err := c.table.Get(ctx, key, true)
		if err != nil && !errors.Is(err, table.ErrNotFound) {
			return err
		}
		email, name, ending := now.Str("email"), now.Str("subscription"), now.Bool("ending")
		is := []table.Condition{table.Equal("email", table.String(email)), table.Missing("subscription")}
		if name != "" {
			is[1] = table.Equal("subscription", table.String(name))
		}
		switch {
		case email == wanted && (name != "" || wanted == "") && !ending:
			return nil
		case email == "":
			err = c.write(ctx, table.Put(key, table.Item{"email": table.String(wanted)}, table.Absent()))
		case email == wanted && !ending:
			if err = c.confirmSubscription(ctx, notifier, customerID, email); errors.Is(err, ErrNever) {
				slog.WarnContext(ctx, "a customer cannot have mail of their alerts", "error", err.Error())
				err = c.dropWish(ctx, customerID, email)
			}
		case !ending:
			op := table.Update(key, is...)
			op.Set = table.Item{"ending": table.Bool(true)}
			err = c.write(ctx, op)
		default:
			if name == "" { // it was never made, or its name got lost
				err = notifier.UnsubscribeAddress(ctx, customerID, email)
			} else {
				err = notifier.Unsubscribe(ctx, name)
			}
			if err != nil {
				return err
			}
			err = c.write(ctx, table.Delete(key, append(is, table.Equal("ending", table.Bool(true)))...))
		}
		var overtaken *table.ConditionError
		switch {
		case err != nil && !errors.As(err, &overtaken):
			return err
		case attempt == 2*attempts:
			return table.ErrConflict
		case err != nil:
			if err := pause(ctx, attempt); err != nil {
				return err
			}
		}
	}
}

// notSubscribed is why a subscription that is wanted could not be made.
type notSubscribed struct{ error }

func (e notSubscribed) Unwrap() error { return e.error }

// confirmSubscription subscribes the stored address and stores the subscription's name.
// When the customer's wish was changed meanwhile, it takes the subscription back.
func (c *Cafe) confirmSubscription(ctx context.Context, notifier Notifier, customerID, email string) error {
	name, err := notifier.Subscribe(ctx, customerID, email)
	if err != nil {
		return notSubscribed{err}
	}
	op := table.Update(subscriptionKey(customerID), table.Equal("email", table.String(email)), table.Missing("subscription"))
	op.Set = table.Item{"subscription": table.String(name)}
	err = c.write(ctx, op)
	if now, overtaken := table.Failed(err, 0); overtaken && now.Str("email") != email {
		if err := notifier.Unsubscribe(ctx, name); err != nil {
			return err
		}
	}
	return err
}

// dropWish has a customer want no mail, if it is to that address.
func (c *Cafe) dropWish(ctx context.Context, customerID, email string) error {
	_, err := c.changeCustomer(ctx, customerID, nil, func(was model.Customer) (model.Customer, []table.Op) {
		next := was
		next.Notify = was.Notify && was.Email != email
		return next, nil
	})
	return err
}
