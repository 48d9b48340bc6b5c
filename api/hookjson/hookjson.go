// Package hookjson has endpoints of webhooks, their deliveries, and dead letters as clients of
// the API see them.
package hookjson

import (
	"time"

	"cafe/internal/deadletters"
	"cafe/internal/webhooks"
	"cafe/model"
)

// Endpoint is an endpoint of webhooks.
type Endpoint struct {
	ID          string            `json:"id"`
	URL         string            `json:"url"`
	Types       []model.EventType `json:"types"`
	Description string            `json:"description"`
	Status      webhooks.Status   `json:"status"`
	Reason      string            `json:"reason,omitempty"`
	CreatedAt   string            `json:"created_at"`
	RotatedAt   *string           `json:"rotated_at"`
	Secret      string            `json:"secret,omitempty"`
	Health      *Health           `json:"health,omitempty"`
}

// Health says how an endpoint's deliveries go.
type Health struct {
	LastSuccessAt *string `json:"last_success_at"`
	LastFailureAt *string `json:"last_failure_at"`
	LastError     string  `json:"last_error"`
	Waiting       int     `json:"waiting"`
	NextTryAt     *string `json:"next_try_at"`
	Missed        bool    `json:"missed"`
	Cursor        string  `json:"cursor"`
}

// Delivery is one call of an endpoint.
type Delivery struct {
	EventID   string          `json:"event_id"`
	Type      model.EventType `json:"type"`
	Subject   string          `json:"subject"`
	Cursor    string          `json:"cursor,omitempty"`
	At        string          `json:"at"`
	Took      int64           `json:"took_ms"`
	Try       int             `json:"try"`
	Delivered bool            `json:"delivered"`
	Status    int             `json:"status,omitzero"`
	Error     string          `json:"error,omitempty"`
	NextTryAt *string         `json:"next_try_at"`
}

// Of returns an endpoint as clients see it, without its secret and its health.
func Of(e webhooks.Endpoint) Endpoint {
	return Endpoint{
		ID: e.ID, URL: e.URL, Types: append([]model.EventType{}, e.Types...), Description: e.Description, Status: e.Status, Reason: e.Reason,
		CreatedAt: model.Timestamp(e.CreatedAt), RotatedAt: optional(e.RotatedAt),
	}
}

// List returns endpoints as clients see them.
func List(endpoints []webhooks.Endpoint) []Endpoint {
	all := make([]Endpoint, len(endpoints))
	for i, e := range endpoints {
		all[i] = Of(e)
	}
	return all
}

// Types returns the types of events of those names, whether there are such types or not.
func Types(names []string) []model.EventType {
	types := make([]model.EventType, len(names))
	for i, n := range names {
		types[i] = model.EventType(n)
	}
	return types
}

// HealthOf returns how the deliveries of a lane go.
func HealthOf(l webhooks.Lane) *Health {
	return &Health{
		optional(l.LastSuccess), optional(l.LastFailure), l.LastError, l.Waiting(), optional(l.Next()), l.Missed, l.Cursor.String(),
	}
}

// DeliveryOf returns an attempt as clients see it.
func DeliveryOf(a webhooks.Attempt) Delivery {
	return Delivery{
		a.EventID, a.Type, a.Subject, a.Cursor, model.Timestamp(a.At), a.Took.Milliseconds(), a.Try, a.Error == "", a.Status, a.Error, optional(a.Next),
	}
}

func optional(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := model.Timestamp(t)
	return &s
}

// Letter is a dead letter.
type Letter struct {
	ID       string `json:"id"`
	Kind     string `json:"kind"`
	Consumer string `json:"consumer,omitempty"`
	About    string `json:"about"`
	Reason   string `json:"reason"`
	Status   string `json:"status"`
	At       string `json:"at"`
}

// LetterOf returns a dead letter as clients see it.
func LetterOf(l deadletters.Letter) Letter {
	return Letter{l.ID, string(l.Kind), l.Consumer, l.About, l.Reason, statusWords[l.Status], model.Timestamp(l.At)}
}

// statusWords are the statuses of dead letters as clients see them.
var statusWords = map[deadletters.Status]string{deadletters.Dead: "dead", deadletters.Again: "sent_again", deadletters.Aside: "set_aside"}
