package model

import (
	"slices"
	"strconv"
	"time"
)

// EventType says what an Event is about. It is part of the contract with programs outside of
// the café.
type EventType string

// The types of events. Each type that begins with "order." is about one order.
const (
	EventOrderPlaced    EventType = "order.placed"
	EventOrderAmended   EventType = "order.amended"
	EventOrderPreparing EventType = "order.preparing"
	EventOrderReady     EventType = "order.ready"
	EventOrderCollected EventType = "order.collected"
	EventOrderCancelled EventType = "order.cancelled"
	EventOrderPaid      EventType = "order.paid"
	EventOrderRefunded  EventType = "order.refunded"
	EventOrderDeleted   EventType = "order.deleted"
	EventSoldOut        EventType = "stock.sold_out"
	EventRestocked      EventType = "stock.restocked"
	EventMenuChanged    EventType = "menu.changed"
	EventPricingChanged EventType = "pricing.changed"
	EventHighBalance    EventType = "customer.high_balance"
	EventReportBuilt    EventType = "report.built"
	EventDayClosed      EventType = "day.closed"
	EventImportFinished EventType = "import.finished"
)

// EventResync is the type of what a reader gets in place of events that are no longer kept. It
// is not in the log: the reader must look at the café as it is now.
const EventResync EventType = "resync"

var eventTypes = []EventType{
	EventOrderPlaced, EventOrderAmended, EventOrderPreparing, EventOrderReady, EventOrderCollected,
	EventOrderCancelled, EventOrderPaid, EventOrderRefunded, EventOrderDeleted, EventSoldOut, EventRestocked,
	EventMenuChanged, EventPricingChanged, EventHighBalance, EventReportBuilt, EventDayClosed, EventImportFinished,
}

// EventTypes returns every type that an event of the log may have.
func EventTypes() []EventType { return slices.Clone(eventTypes) }

// Valid reports whether there are events of the type.
func (t EventType) Valid() bool { return slices.Contains(eventTypes, t) }

// Event tells programs outside of the café that something happened. It is thin: it has ids,
// numbers, statuses and totals, and never a name or a note. Who wants more reads the subject.
type Event struct {
	ID      string // depends only on Type, Subject and Version: an event that is told again has the same id
	Type    EventType
	At      time.Time // when it happened, in UTC, to the microsecond
	Subject string    // the path of what it is about, such as /orders/ABC
	Version int64     // of the subject after the event; it grows with each event of the type
	Data    []byte    // a JSON object
}

// NewEvent returns an event with its id. The subject is the path of a resource whose segments
// are each a ValidID or a Day. data is a JSON object.
func NewEvent(t EventType, subject string, version int64, at time.Time, data []byte) Event {
	return Event{
		ID:   DeriveID("event", string(t), subject, strconv.FormatInt(version, 10)),
		Type: t, At: at, Subject: subject, Version: version, Data: data,
	}
}

// AppendJSON appends the event as clients get it:
// {"id","type","at","subject","version","data"}, without white space.
func (e Event) AppendJSON(b []byte) []byte {
	// None of these texts has a character that JSON would escape.
	b = append(b, `{"id":"`...)
	b = append(b, e.ID...)
	b = append(b, `","type":"`...)
	b = append(b, e.Type...)
	b = append(b, `","at":"`...)
	b = append(b, Timestamp(e.At)...)
	b = append(b, `","subject":"`...)
	b = append(b, e.Subject...)
	b = append(b, `","version":`...)
	b = strconv.AppendInt(b, e.Version, 10)
	b = append(b, `,"data":`...)
	b = append(b, e.Data...)
	return append(b, '}')
}

// MarshalJSON returns the event as AppendJSON writes it.
func (e Event) MarshalJSON() ([]byte, error) { return e.AppendJSON(nil), nil }
