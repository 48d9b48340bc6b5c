// Package deadletters keeps what failed for good, until somebody has looked at it: records of
// the stream that cannot be posted, uploads that cannot be read, messages that cannot be
// published, webhooks that do not answer. Nothing is lost that is here. Each letter says why,
// and can be sent again (Redrive) or set aside (SetAside).
//
// Letters are items of the café's one table, so they are the same on one machine and on AWS,
// and the API needs no other permission to show them. Sending again is one write. The change
// record of that write takes the letter to the consumer that could not do it before.
package deadletters

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// Kind says what a letter is made of.
type Kind string

// The kinds of letters. The id of a letter begins with its kind.
const (
	KindStream  Kind = "stream"  // a record of the table's stream
	KindUpload  Kind = "upload"  // an uploaded file
	KindMessage Kind = "message" // an item of the outbox
	KindWebhook Kind = "webhook" // the events that an endpoint did not take
)

// Status says what is to become of a letter.
type Status string

// A letter is dead until it is sent again or set aside. One that is sent again vanishes when
// it is done, and is dead again when it fails.
const (
	Dead  Status = "dead"
	Again Status = "again"
	Aside Status = "aside"

	trying Status = "trying" // failed, but not for good yet: not listed
)

// Life is how long a letter is kept that was set aside.
const Life = 30 * 24 * time.Hour

// Tries is how often an upload is tried before it is a dead letter: once, and twice more, as
// Lambda does by itself with an event of S3.
const Tries = 3

// Letter is something that failed for good.
type Letter struct {
	ID       string
	Kind     Kind
	Consumer string // of a stream record: who could not do it
	About    string // what it is about, such as orders/<id>
	Reason   string // why it failed, in words; it names nobody
	Status   Status
	Tries    int64 // how often it failed; 0: not counted
	At       time.Time
	Content  string // what is sent again: a record as JSON, the key of an upload
}

// Box is where a café's dead letters lie. It is safe for concurrent use.
type Box struct {
	// Resume makes an endpoint of webhooks take events again. It returns the operations that
	// do so, or model.ErrNotFound.
	Resume func(ctx context.Context, endpoint string) ([]table.Op, error)

	table table.Table
	now   records.Clock
}

// New returns the box in a café's table. now is time.Now outside tests.
func New(t table.Table, now records.Clock) *Box { return &Box{table: t, now: now} }

// ID returns the id of the letter of something with a name of its own.
func ID(kind Kind, name string) string { return string(kind) + "-" + name }

// StreamID returns the id of the letter of a record that a consumer could not do.
func StreamID(consumer, sequence string) string {
	return ID(KindStream, consumer+"-"+strings.TrimLeft(sequence, "0"))
}

// Wants returns a function that reports whether a partition of the table holds a letter of a
// consumer's: the consumer must see its changes.
func Wants(consumer string) func(pk string) bool {
	prefix := records.PrefixDead + StreamID(consumer, "")
	return func(pk string) bool { return strings.HasPrefix(pk, prefix) }
}

// Keep puts a letter into the box, dead. The same letter again changes nothing.
func (b *Box) Keep(ctx context.Context, l Letter) error {
	l.Status, l.At = Dead, b.now.Stamp()
	err := records.Write(ctx, b.table, table.Put(records.DeadKey(l.ID), encode(l), table.Absent()))
	if _, kept := table.Failed(err, 0); kept {
		return nil
	}
	return err
}

// Kept returns the operation that puts a letter into the box, dead, in place of one that is
// there. It is for a write that makes it dead.
func Kept(l Letter, at time.Time) table.Op {
	l.Status, l.At = Dead, at
	return table.Put(records.DeadKey(l.ID), encode(l))
}

// NoteFailure notes that something failed once more. After so many tries it is dead.
func (b *Box) NoteFailure(ctx context.Context, l Letter, tries int64) error {
	return records.Retry(ctx, func() error {
		was, err := b.stored(ctx, records.DeadKey(l.ID))
		condition := table.Absent()
		switch {
		case err == nil:
			condition = table.Equal("tries", table.Int(was.Tries))
		case !errors.Is(err, model.ErrNotFound):
			return err
		}
		next := l
		next.Tries, next.At, next.Status = was.Tries+1, b.now.Stamp(), trying
		if next.Tries >= tries {
			next.Status = Dead
		}
		return overtaken(records.Write(ctx, b.table, table.Put(records.DeadKey(l.ID), encode(next), condition)))
	})
}

// FailedAgain notes that a letter that was sent again failed again: it is dead, with the new
// reason.
func (b *Box) FailedAgain(ctx context.Context, l Letter, reason string) error {
	l.Reason, l.Status, l.Tries, l.At = reason, Dead, l.Tries+1, b.now.Stamp()
	return settled(records.Write(ctx, b.table, table.Put(records.DeadKey(l.ID), encode(l), wasAgain)))
}

// Done removes the letter of something that was sent again and is done.
func (b *Box) Done(ctx context.Context, id string) error {
	return settled(records.Write(ctx, b.table, table.Delete(records.DeadKey(id), wasAgain)))
}

// Succeeded removes the letter of something that is done, if there is one.
func (b *Box) Succeeded(ctx context.Context, id string) error {
	return records.Write(ctx, b.table, table.Delete(records.DeadKey(id)))
}

var wasAgain = table.Equal("status", table.String(string(Again)))

// settled takes a letter that was meanwhile settled by somebody else for done.
func settled(err error) error {
	if _, settled := table.Failed(err, 0); settled {
		return nil
	}
	return err
}

func overtaken(err error) error {
	if _, by := table.Failed(err, 0); by {
		return records.ErrOvertaken
	}
	return err
}

// Redrive sends a letter again, also one that was set aside, and returns it. It is
// model.ErrNotFound when there is no such letter. A letter that was sent again already is sent
// once more.
func (b *Box) Redrive(ctx context.Context, id string) (l Letter, err error) {
	err = b.change(ctx, id, func(key table.Key, was Letter) ([]table.Op, error) {
		l = was
		l.Status, l.At = Again, b.now.Stamp()
		switch l.Kind {
		case KindMessage:
			return []table.Op{outbox.Again(key, l.At, table.Equal("state", table.String(state(was.Status))))}, nil
		case KindWebhook:
			ops, err := b.Resume(ctx, strings.TrimPrefix(id, ID(KindWebhook, "")))
			return append([]table.Op{table.Delete(key, unchanged(was))}, ops...), err
		}
		return []table.Op{table.Put(key, encode(l), unchanged(was))}, nil
	})
	return l, err
}

// SetAside takes a letter off the list. It is kept for Life, and can still be sent again. It
// is model.ErrNotFound when there is no such letter.
func (b *Box) SetAside(ctx context.Context, id string) error {
	return b.change(ctx, id, func(key table.Key, was Letter) ([]table.Op, error) {
		if was.Status == Aside {
			return nil, model.ErrNotFound
		}
		at := b.now.Stamp()
		if was.Kind == KindMessage {
			op := table.Update(key, table.Equal("state", table.String(state(was.Status))))
			op.Set = table.Item{
				"state": table.String(state(Aside)), "set_aside_at": records.Time(at), "expires_at": table.Int(at.Add(Life).Unix()),
				table.AttrIndex2: table.String(records.PartitionAside), table.AttrSort: table.String(records.TimeSort(at, id)),
			}
			return []table.Op{op}, nil
		}
		l := was
		l.Status, l.At = Aside, at
		return []table.Op{table.Put(key, encode(l), unchanged(was))}, nil
	})
}

func unchanged(was Letter) table.Condition {
	return table.Equal("status", table.String(string(was.Status)))
}

// change reads a letter, and carries out the operations that make it another.
func (b *Box) change(ctx context.Context, id string, ops func(table.Key, Letter) ([]table.Op, error)) error {
	key := keyOf(id)
	return records.Retry(ctx, func() error {
		was, err := b.stored(ctx, key)
		if err != nil {
			return err
		}
		if was.Status == trying {
			return model.ErrNotFound
		}
		next, err := ops(key, was)
		if err != nil {
			return err
		}
		err = records.Write(ctx, b.table, next...)
		var refused *table.ConditionError
		if errors.As(err, &refused) {
			return records.ErrOvertaken
		}
		return err
	})
}

// keyOf returns the key of a letter. A message's is that of its item in the outbox.
func keyOf(id string) table.Key {
	if message, is := strings.CutPrefix(id, ID(KindMessage, "")); is && message != "" {
		return records.OutboxKey(message)
	}
	return records.DeadKey(id)
}

func (b *Box) stored(ctx context.Context, key table.Key) (Letter, error) {
	return records.Get(ctx, b.table, key, true, decode)
}

// List returns a page of letters, the oldest first: those that were set aside, or all others.
// next is where the next page begins, empty after the last one.
func (b *Box) List(ctx context.Context, aside bool, from string, limit int) (letters []Letter, next string, err error) {
	page, err := b.table.Query(ctx, table.Query{Index: table.Index2, Partition: partition(aside), From: from, Limit: limit})
	if err != nil {
		return nil, "", fmt.Errorf("dead letters: %w", err)
	}
	for _, row := range page.Rows {
		l, err := decode(row.Key, row.Item)
		if err != nil {
			return nil, "", err
		}
		letters = append(letters, l)
	}
	if page.Next != "" {
		next = table.After(page.Next)
	}
	return letters, next, nil
}

// Waiting returns the letters of a kind that are to be sent again.
func (b *Box) Waiting(ctx context.Context, kind Kind) (letters []Letter, err error) {
	query := table.Query{Index: table.Index2, Partition: partition(false), Limit: 100}
	for row, err := range records.Query(ctx, b.table, query) {
		if err != nil {
			return nil, err
		}
		if l, err := decode(row.Key, row.Item); err == nil && l.Kind == kind && l.Status == Again {
			letters = append(letters, l)
		}
	}
	return letters, nil
}

// Counts is how many letters there are, of 1,000 at most.
type Counts struct{ Stream, Uploads, Messages, Webhooks int64 }

// Count returns how many letters are dead in a café's table, of the oldest 1,000.
func Count(ctx context.Context, t table.Table) (c Counts, err error) {
	query, n := table.Query{Index: table.Index2, Partition: partition(false), Limit: 100}, 0
	for row, err := range records.Query(ctx, t, query) {
		if err != nil {
			return c, err
		}
		switch l, _ := decode(row.Key, row.Item); l.Kind {
		case KindStream:
			c.Stream++
		case KindUpload:
			c.Uploads++
		case KindMessage:
			c.Messages++
		case KindWebhook:
			c.Webhooks++
		}
		if n++; n == 1000 {
			break
		}
	}
	return c, nil
}

// Forget removes what was set aside for longer than Life, and returns how many. DynamoDB does
// so by itself, by their expires_at.
func (b *Box) Forget(ctx context.Context) (forgotten int, err error) {
	query := table.Query{Index: table.Index2, Partition: partition(true), To: records.TimeSort(b.now().Add(-Life), ""), Limit: 100}
	for row, err := range records.Query(ctx, b.table, query) {
		if err == nil {
			err = records.Write(ctx, b.table, table.Delete(row.Key))
		}
		if err != nil {
			return forgotten, err
		}
		forgotten++
	}
	return forgotten, nil
}

// Current returns an item as it stands now, for a letter that has no copy of it.
func (b *Box) Current(ctx context.Context, key table.Key) (table.Item, error) {
	return b.table.Get(ctx, key, true)
}

func partition(aside bool) string {
	if aside {
		return records.PartitionAside
	}
	return records.PartitionDead
}

func encode(l Letter) table.Item {
	item := table.Item{
		"kind": table.String(string(l.Kind)), "status": table.String(string(l.Status)), "about": table.String(l.About),
		"reason": table.String(l.Reason), "at": records.Time(l.At), "tries": table.Int(l.Tries),
	}
	records.PutText(item, "consumer", l.Consumer)
	records.PutText(item, "content", l.Content)
	if l.Status == trying || l.Status == Aside {
		item["expires_at"] = table.Int(l.At.Add(Life).Unix())
	}
	if l.Status != trying {
		item[table.AttrIndex2] = table.String(partition(l.Status == Aside))
		item[table.AttrSort] = table.String(records.TimeSort(l.At, l.ID))
	}
	return item
}

// decode returns the letter that an item is. An item of the outbox that is not dead is
// model.ErrNotFound.
func decode(key table.Key, item table.Item) (Letter, error) {
	r := records.NewReader(key, item)
	if strings.HasPrefix(key.PK, records.PrefixOutbox) {
		id := records.IDIn(key, records.PrefixOutbox)
		status := Status(item.Str("state"))
		if status != Dead && status != Aside {
			return Letter{}, model.ErrNotFound
		}
		at := r.Time("dead_at")
		if status == Aside {
			at = r.Time("set_aside_at")
		}
		return Letter{
			ID: ID(KindMessage, id), Kind: KindMessage, About: "topics/" + cmp.Or(item.Str("topic"), item.Str("kind")),
			Reason: r.Text("reason"), Status: status, At: at,
		}, r.Err()
	}
	l := Letter{
		ID: r.OwnID(records.PrefixDead), Kind: Kind(r.Text("kind")), Consumer: r.Optional("consumer"), About: r.Text("about"),
		Reason: r.Text("reason"), Status: Status(r.Text("status")), Tries: r.Number("tries"), At: r.Time("at"), Content: r.Optional("content"),
	}
	return l, r.Err()
}

// Decode returns the letter that a change record of the box is about. ok is false when the
// letter is not to be sent again.
func Decode(change records.Change) (l Letter, ok bool, err error) {
	if change.New.Str("status") != string(Again) {
		return Letter{}, false, nil
	}
	l, err = decode(change.Key, change.New)
	return l, err == nil, err
}

// state is what a message's item in the outbox calls the status of its letter.
func state(s Status) string { return string(s) }
