package outbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"cafe/internal/metric"
	"cafe/internal/parallel"
	"cafe/internal/records"
	"cafe/internal/settings"
	"cafe/internal/table"
	"cafe/model"
)

// Announcer publishes what is in the outbox. Make it with New; it is safe for concurrent use.
type Announcer struct {
	settings settings.Settings
	table    table.Table
	now      records.Clock
}

// New returns an announcer for a café's table. now is time.Now outside tests.
func New(s settings.Settings, t table.Table, now records.Clock) *Announcer {
	return &Announcer{settings: s, table: t, now: now}
}

// Wants reports whether Announce has anything to do with changes in that partition of the
// table: the filter of the notifier's consumer.
func Wants(pk string) bool { return strings.HasPrefix(pk, records.PrefixOutbox) }

// Announce does what new outbox items ask for, and marks them sent. An item that was done
// but could not be marked is done again, with the same message id. A sent item keeps no
// text. The errors are by change. An error is nil when the item is done, or when a
// subscription cannot be made yet: a later sweep tries that again.
func (a *Announcer) Announce(ctx context.Context, notifier Notifier, changes []records.Change) []error {
	errs := make([]error, len(changes))
	// Wishes for e-mail come first: an alert goes by the subscriptions that they make.
	for _, wishes := range []bool{true, false} {
		_ = parallel.Each(ctx, len(changes), func(ctx context.Context, i int) error {
			item := changes[i].New
			if !Wants(changes[i].Key.PK) || item.Str("state") != "pending" || (item.Str("kind") == kindSubscription) != wishes {
				return nil
			}
			if err := a.announce(ctx, notifier, changes[i].Key, item); !errors.Is(err, ErrNotYet) {
				errs[i] = err
			}
			return nil
		})
	}
	return errs
}

// Sweep announces what is still pending after the grace period. A stream record may have
// been lost, or a topic may have been away for longer than retries last. It returns how
// many items it did. What it could not do it leaves to the next sweep. It fails when it
// cannot read what is pending, or when something failed and nothing was done.
func (a *Announcer) Sweep(ctx context.Context, notifier Notifier, grace time.Duration) (done int, err error) {
	for row, readErr := range records.Query(ctx, a.table, pending(a.now.Stamp().Add(-grace))) {
		if readErr != nil {
			return done, errors.Join(err, readErr)
		}
		itemErr := a.announce(ctx, notifier, row.Key, row.Item)
		if itemErr == nil {
			done++
		} else if !errors.Is(itemErr, ErrNotYet) {
			err = errors.Join(err, itemErr)
		}
	}
	if err != nil && done > 0 {
		slog.ErrorContext(ctx, "some of the outbox is left to the next sweep", "done", done, "error", err.Error())
		return done, nil
	}
	return done, err
}

func (a *Announcer) announce(ctx context.Context, notifier Notifier, key table.Key, item table.Item) error {
	var err error
	switch kind := item.Str("kind"); kind {
	case kindMessage:
		var m Message
		if m, err = decodeMessage(key, item); err == nil && m.Topic == TopicHighBalance {
			m, err = a.current(ctx, notifier, m)
		}
		if err == nil {
			err = notifier.Publish(ctx, m)
		}
	case kindSubscription:
		err = a.subscribe(ctx, notifier, item.Str("customer_id"))
	default:
		err = fmt.Errorf("%w %q", errKind, kind)
	}
	if errors.Is(err, ErrNotYet) {
		slog.InfoContext(ctx, "a subscription has to wait", "id", records.IDIn(key, records.PrefixOutbox), "error", err.Error())
	}
	if err != nil {
		err = fmt.Errorf("announce %s: %w", records.IDIn(key, records.PrefixOutbox), err)
		return a.giveUp(ctx, key, item, err)
	}
	sent := table.Update(key, table.Present())
	sent.Set = table.Item{"state": table.String("sent"), "sent_at": records.Time(a.now.Stamp())}
	sent.Remove = []string{table.AttrIndex2, table.AttrSort, "subject", "body", "mail", "reason", "dead_at", "set_aside_at", "expires_at"}
	err = records.Write(ctx, a.table, sent)
	if _, gone := table.Failed(err, 0); gone {
		return nil
	}
	if kind := item.Str("kind"); kind == kindMessage && err == nil {
		metric.Emit([]metric.Figure{{Name: "Announcements", Value: 1, Unit: metric.Count}}, metric.Dimension{Name: "Topic", Value: item.Str("topic")})
	}
	slog.InfoContext(ctx, "announced", "id", records.IDIn(key, records.PrefixOutbox), "kind", item.Str("kind"), "topic", item.Str("topic"))
	return err
}

// tryFor is how long an item is tried before it is a dead letter.
const tryFor = 72 * time.Hour

// giveUp makes an item that failed a dead letter, when it can never be done or was tried for
// tryFor. It returns nil then, and else the reason.
func (a *Announcer) giveUp(ctx context.Context, key table.Key, item table.Item, reason error) error {
	since := max(item.Int("at"), item.Int("again_at"))
	now := a.now.Stamp()
	never := records.IsUnreadable(reason) || errors.Is(reason, errKind)
	if errors.Is(reason, ErrNotYet) || records.IsUnreachable(reason) || !never && now.Before(time.UnixMicro(since).Add(tryFor)) {
		return reason
	}
	op := table.Update(key, table.Equal("state", table.String("pending")))
	op.Set = table.Item{
		"state": table.String("dead"), "reason": table.String(reason.Error()), "dead_at": records.Time(now),
		table.AttrIndex2: table.String(records.PartitionDead), table.AttrSort: table.String(records.TimeSort(now, records.IDIn(key, records.PrefixOutbox))),
	}
	err := records.Write(ctx, a.table, op)
	if _, settled := table.Failed(err, 0); settled {
		return nil
	}
	if err != nil {
		return errors.Join(reason, err)
	}
	slog.ErrorContext(ctx, "outbox item goes to the dead letters", "id", records.IDIn(key, records.PrefixOutbox), "error", reason.Error())
	metric.Emit([]metric.Figure{{Name: "DeadLetters", Value: 1, Unit: metric.Count}}, metric.Dimension{Name: "Kind", Value: "message"})
	return nil
}

// Again returns the operation that has a dead item announced again, from that time on.
func Again(key table.Key, at time.Time, condition table.Condition) table.Op {
	op := table.Update(key, condition)
	op.Set = table.Item{
		"state": table.String("pending"), "again_at": records.Time(at),
		table.AttrIndex2: table.String(records.PartitionPending), table.AttrSort: table.String(records.TimeSort(at, records.IDIn(key, records.PrefixOutbox))),
	}
	op.Remove = []string{"expires_at"}
	return op
}

// errKind says that an item of the outbox is of a kind that nobody knows.
var errKind = errors.New("outbox item of unknown kind")

// current brings an alert up to date with its customer. It adds the name, so that a
// customer who was erased meanwhile is not named. It first makes the customer's own
// subscription what they wish, so that one who wants no more mail gets none. A
// subscription that cannot be made keeps the alert from nobody else.
func (a *Announcer) current(ctx context.Context, notifier Notifier, m Message) (Message, error) {
	var b highBalanceBody
	if err := json.Unmarshal([]byte(m.Body), &b); err != nil {
		return m, fmt.Errorf("read alert: %w", err)
	}
	at, err := time.Parse(time.RFC3339, b.At)
	if err != nil {
		return m, fmt.Errorf("read alert: %w", err)
	}
	if err := a.subscribe(ctx, notifier, b.CustomerID); err != nil && !errors.As(err, new(notSubscribed)) {
		return m, err
	}
	customer, err := records.Customer(ctx, a.table, b.CustomerID, true)
	if err != nil {
		return m, err
	}
	return highBalanceMessage(a.settings, model.HighBalance{
		AlertID: m.ID, CustomerID: b.CustomerID, CustomerName: customer.Name, Balance: b.Balance, CreditLimit: b.CreditLimit,
		Currency: b.Currency, Crossing: b.Crossing, At: at,
	}), nil
}
