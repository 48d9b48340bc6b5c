// Package folder publishes the café's messages to files in a folder. It does on one machine
// what SNS, its subscribers' mailboxes and the queues do on AWS (package notify/sns). It is a
// package of its own because its mail library would be 5 % of a Lambda binary.
//
//	sns.jsonl            a line for each message that was published
//	sqs/<queue>.jsonl    a line for each delivery to a queue, as SNS gives it to SQS
//	mail/*.eml           a file for each e-mail, which any mail program opens
//	subscriptions.json   the customers' own subscriptions
//
// Every file is on disk before the call returns, because the café then takes the message for
// sent and does not publish it again. The folder grows until Forget is called.
package folder

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"cafe/internal/durable"
	"cafe/internal/notify"
	"cafe/internal/outbox"
	"cafe/model"
)

// Options of a folder.
type Options struct {
	From  string           // the sender's name in mails
	Owner string           // the owner's e-mail address
	Now   func() time.Time // the clock; nil: time.Now
}

// Notifier is the outbox.Notifier on one machine. Open makes it. A folder must have one only,
// which is safe for concurrent use. Its errors are those of the disk.
type Notifier struct {
	dir      string
	options  Options
	policies []notify.Policy // of notify.Subscriptions

	mu        sync.Mutex
	customers map[string]customer // by subscription
	mails     map[string]string   // names of files, by the digest at their end
}

var _ outbox.Notifier = (*Notifier)(nil)

// customer is a customer's own subscription.
type customer struct {
	Subscription string `json:"subscription"`
	ID           string `json:"customer_id"`
	Email        string `json:"email"`
}

const (
	topicsFile        = "sns.jsonl"
	queuesFolder      = "sqs"
	mailFolder        = "mail"
	subscriptionsFile = "subscriptions.json"
)

// Open opens a folder, and makes it if it is missing. It removes what a crash left of broken
// lines and files.
func Open(dir string, o Options) (*Notifier, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	n := &Notifier{dir: dir, options: o, customers: map[string]customer{}}
	if err := validAddress(o.Owner); err != nil {
		return nil, fmt.Errorf("the owner's e-mail address: %w", err)
	}
	for _, s := range notify.Subscriptions {
		policy, err := notify.ParsePolicy(s.FilterPolicy)
		if err != nil {
			return nil, err
		}
		n.policies = append(n.policies, policy)
	}
	for _, sub := range []string{queuesFolder, mailFolder} {
		if err := durable.MkdirAll(filepath.Join(dir, sub)); err != nil {
			return nil, fmt.Errorf("make folder of deliveries: %w", err)
		}
	}
	if err := durable.RemoveUnfinished(dir, filepath.Join(dir, mailFolder)); err != nil {
		return nil, fmt.Errorf("remove unfinished files: %w", err)
	}
	queues, err := filepath.Glob(filepath.Join(dir, queuesFolder, "*.jsonl"))
	if err != nil {
		return nil, fmt.Errorf("list queues: %w", err)
	}
	for _, path := range append(queues, filepath.Join(dir, topicsFile)) {
		if err := durable.Mend(path); err != nil {
			return nil, fmt.Errorf("mend deliveries: %w", err)
		}
	}
	if n.mails, err = listMails(filepath.Join(dir, mailFolder)); err != nil {
		return nil, fmt.Errorf("list mails: %w", err)
	}
	if err := n.load(); err != nil {
		return nil, fmt.Errorf("read subscriptions: %w", err)
	}
	return n, nil
}

// Publish implements outbox.Notifier. A message that was published before makes one more line,
// with the same id, in each file of lines. Its mail is replaced.
func (n *Notifier) Publish(ctx context.Context, m outbox.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !slices.ContainsFunc(notify.Subscriptions, func(s notify.Subscription) bool { return s.Topic == m.Topic }) {
		return fmt.Errorf("publish %s: no topic %q", m.ID, m.Topic)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	at := n.options.Now().UTC()
	m.Subject = notify.Subject(m.Subject)
	if err := n.publish(m, at); err != nil {
		return fmt.Errorf("publish %s to %s: %w", m.ID, m.Topic, err)
	}
	return nil
}

func (n *Notifier) publish(m outbox.Message, at time.Time) error {
	attributes := maps.Clone(m.Attributes)
	if attributes == nil {
		attributes = map[string]string{}
	}
	err := appendLine(filepath.Join(n.dir, topicsFile), struct {
		Topic      outbox.Topic      `json:"topic"`
		Subject    string            `json:"subject"`
		Message    string            `json:"message"`
		Attributes map[string]string `json:"attributes"`
		ID         string            `json:"id"`
		At         string            `json:"at"`
	}{m.Topic, m.Subject, m.Body, attributes, m.ID, model.Timestamp(at)})
	if err != nil {
		return err
	}
	var addresses []string
	for i, s := range notify.Subscriptions {
		switch {
		case s.Topic != m.Topic || !n.policies[i].Match(m.Attributes):
		case s.Protocol == notify.SQS:
			if err := appendLine(filepath.Join(n.dir, queuesFolder, s.Endpoint+".jsonl"), notificationOf(m, at)); err != nil {
				return err
			}
		case s.Endpoint == notify.Owner:
			addresses = append(addresses, n.options.Owner)
		}
	}
	if m.Topic == outbox.TopicHighBalance {
		for _, c := range n.customers {
			if notify.ForCustomer(c.ID).Match(m.Attributes) {
				addresses = append(addresses, c.Email)
			}
		}
	}
	for _, address := range addresses { // one that is listed twice gets the same file
		if err := n.mail(m, address, at); err != nil {
			return err
		}
	}
	return nil
}

// notification is what SNS gives to a queue (SNS Developer Guide, "Parsing Amazon SNS message
// formats"), without a signature.
type notification struct {
	Type              string
	MessageID         string `json:"MessageId"`
	TopicARN          string `json:"TopicArn"`
	Subject           string `json:",omitempty"`
	Message           string
	Timestamp         string
	MessageAttributes map[string]attribute `json:",omitempty"`
}

type attribute struct{ Type, Value string }

func notificationOf(m outbox.Message, at time.Time) notification {
	attributes := map[string]attribute{}
	for name, value := range m.Attributes {
		attributes[name] = attribute{"String", value}
	}
	return notification{
		Type: "Notification", MessageID: m.ID, TopicARN: "arn:aws:sns:local:000000000000:" + string(m.Topic),
		Subject: m.Subject, Message: m.Body, Timestamp: at.Format("2006-01-02T15:04:05.000Z"),
		MessageAttributes: attributes,
	}
}

// Subscribe implements outbox.Notifier. Nobody is asked to confirm.
func (n *Notifier) Subscribe(ctx context.Context, customerID, email string) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := validAddress(email); err != nil {
		return "", fmt.Errorf("subscribe customer %s: %w: %w", customerID, outbox.ErrNever, err)
	}
	name := nameOf(customerID, email)
	return name, n.change(func() { n.customers[name] = customer{name, customerID, email} })
}

// Unsubscribe implements outbox.Notifier.
func (n *Notifier) Unsubscribe(ctx context.Context, subscription string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return n.change(func() { delete(n.customers, subscription) })
}

// UnsubscribeAddress implements outbox.Notifier.
func (n *Notifier) UnsubscribeAddress(ctx context.Context, customerID, email string) error {
	return n.Unsubscribe(ctx, nameOf(customerID, email))
}

// nameOf returns the name of the subscription of a customer with an address.
func nameOf(customerID, email string) string {
	return customerID + "#" + digest(strings.ToLower(email))
}

// change edits the subscriptions in memory and on disk. If the disk fails, neither changes.
func (n *Notifier) change(edit func()) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	before := maps.Clone(n.customers)
	edit()
	if maps.Equal(before, n.customers) {
		return nil
	}
	if err := n.save(); err != nil {
		n.customers = before
		return fmt.Errorf("write subscriptions: %w", err)
	}
	return nil
}

// appendLine adds v to a file of JSON lines.
func appendLine(path string, v any) error {
	var line bytes.Buffer
	encoder := json.NewEncoder(&line)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("encode line: %w", err)
	}
	return durable.Append(path, bytes.TrimSuffix(line.Bytes(), []byte{'\n'}))
}

type subscriptions struct {
	Customers []customer `json:"customers"`
}

func (n *Notifier) load() error {
	b, err := os.ReadFile(filepath.Join(n.dir, subscriptionsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var stored subscriptions
	if err := json.Unmarshal(b, &stored); err != nil {
		return fmt.Errorf("%s: %w", subscriptionsFile, err)
	}
	for _, c := range stored.Customers {
		n.customers[c.Subscription] = c
	}
	return nil
}

func (n *Notifier) save() error {
	all := slices.SortedFunc(maps.Values(n.customers), func(a, b customer) int { return cmp.Compare(a.Subscription, b.Subscription) })
	b, err := json.MarshalIndent(subscriptions{all}, "", "  ")
	if err != nil {
		return err
	}
	return durable.Write(filepath.Join(n.dir, subscriptionsFile), bytes.NewReader(append(b, '\n')))
}

func validAddress(email string) error {
	if a, err := mail.ParseAddress(email); err != nil || a.Address != email {
		return errors.New("not an e-mail address")
	}
	return nil
}

// digest returns a short name for parts that does not show them.
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}
