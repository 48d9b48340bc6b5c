// Package notify holds what its twins share: sns publishes the café's messages on AWS, and
// folder writes them to files on one machine. Both go by the same subscriptions, filter
// policies and subjects. template.yaml makes the same subscriptions, and a test compares them.
package notify

import (
	"strings"
	"unicode"

	"cafe/internal/outbox"
)

// Subscription is one that every café has.
type Subscription struct {
	Topic        outbox.Topic
	Protocol     string // Email or SQS
	Endpoint     string // the name of a queue, or Owner
	FilterPolicy string // JSON, see Policy; empty: every message
}

// Protocols of subscriptions, by the names that they have in SNS.
const (
	Email = "email"
	SQS   = "sqs"
)

// Owner is the endpoint that stands for the owner's e-mail address.
const Owner = "owner"

// Subscriptions are those that every café has. Customers add their own.
var Subscriptions = []Subscription{
	{Topic: outbox.TopicHighBalance, Protocol: Email, Endpoint: Owner},
	{Topic: outbox.TopicHighBalance, Protocol: SQS, Endpoint: "CustomerNotify"},
	{Topic: outbox.TopicHighBalance, Protocol: SQS, Endpoint: "CreditCollection", FilterPolicy: `{"severity":["critical"]}`},
	{Topic: outbox.TopicOutOfStock, Protocol: Email, Endpoint: Owner},
	{Topic: outbox.TopicDailyReport, Protocol: Email, Endpoint: Owner},
}

// MaxSubject is how long a subject may be, in characters: SNS takes fewer than 100 (SNS API
// Reference, Publish).
const MaxSubject = 99

// Subject turns a text into a subject that SNS takes: valid UTF-8 without line breaks or
// control characters, of at most MaxSubject characters. A longer one is cut and ends in an
// ellipsis.
func Subject(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(s)
	if runes := []rune(s); len(runes) > MaxSubject {
		s = strings.TrimSpace(string(runes[:MaxSubject-1])) + "…"
	}
	return s
}
