// Package notify takes the café's messages to people and programs: it is what the outbox
// announces to. SNS does so on AWS. Package folder is its twin on one machine, apart
// because its mail library would be 5 % of a Lambda binary. Both go by the
// subscriptions and filter policies of this package, which template.yaml has, too.
package notify

import (
	"strings"
	"unicode"

	"cafe/internal/cafe"
)

// Subscription is one that every café has.
type Subscription struct {
	Topic        cafe.Topic
	Protocol     string // as SNS names it: Email or SQS
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

// Subscriptions are those that every café has. Customers' own come on top.
var Subscriptions = []Subscription{
	{Topic: cafe.TopicHighBalance, Protocol: Email, Endpoint: Owner},
	{Topic: cafe.TopicHighBalance, Protocol: SQS, Endpoint: "CustomerNotify"},
	{Topic: cafe.TopicHighBalance, Protocol: SQS, Endpoint: "CreditCollection", FilterPolicy: `{"severity":["critical"]}`},
	{Topic: cafe.TopicOutOfStock, Protocol: Email, Endpoint: Owner},
	{Topic: cafe.TopicDailyReport, Protocol: Email, Endpoint: Owner},
}

// Subject makes a line of text what SNS takes for a subject: UTF-8 without line breaks
// or control characters, and less than 100 characters long (SNS API Reference, Publish).
// A longer one ends in an ellipsis.
func Subject(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	s = strings.TrimSpace(s)
	if runes := []rune(s); len(runes) > maxSubject {
		s = strings.TrimSpace(string(runes[:maxSubject-1])) + "…"
	}
	return s
}

const maxSubject = 99
