package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/cenkalti/backoff/v5"
	"pgregory.net/rapid"

	"cafe/handlers/stream"
	"cafe/internal/cafetest"
	"cafe/internal/deadletters"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

var ctx = context.Background()

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

func reachable(context.Context) bool { return true }

// grave is a box of dead letters.
type grave struct {
	stream.Box
	mu      sync.Mutex // guards letters
	letters []deadletters.Letter
	err     error // in place of keeping one
}

func (g *grave) Keep(_ context.Context, l deadletters.Letter) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err == nil {
		g.letters = append(g.letters, l)
	}
	return g.err
}

// quick is a delivery into a grave, with pauses of next to nothing.
func quick(t testing.TB) delivery {
	d := newDelivery(&grave{}, reachable)
	d.pauses = func() backoff.BackOff { return backoff.NewConstantBackOff(time.Microsecond) }
	return d
}

// records makes n of them, with sequence numbers from 1.
func batch(n int) (all []events.DynamoDBEventRecord) {
	for i := range n {
		change := records.Change{Key: table.Key{PK: fmt.Sprint("O#", i+1), SK: "O"}, New: table.Item{"a": table.Int(1)}}
		all = append(all, stream.Record(change, fmt.Sprint(i+1)))
	}
	return all
}

func numbers(batch []events.DynamoDBEventRecord) (all []string) {
	for _, r := range batch {
		all = append(all, r.Change.SequenceNumber)
	}
	return all
}

// consumer has a handler that keeps what it was given. answer says what comes of a batch:
// the numbers that failed, or an error.
type consumer struct {
	calls  []string // the batches, such as "1 2 3"
	answer func(call int, numbers []string) (failed []string, err error)
}

func (c *consumer) consumer() Consumer {
	return Consumer{Name: "test", Wants: func(string) bool { return true }, Handle: func(ctx context.Context, e events.DynamoDBEvent) (r events.DynamoDBEventResponse, err error) {
		batch := numbers(e.Records)
		c.calls = append(c.calls, strings.Join(batch, " "))
		if c.answer == nil {
			return r, nil
		}
		failed, err := c.answer(len(c.calls), batch)
		for _, number := range failed {
			r.BatchItemFailures = append(r.BatchItemFailures, events.DynamoDBBatchItemFailure{ItemIdentifier: number})
		}
		return r, err
	}}
}

func (c *consumer) want(t *testing.T, calls ...string) {
	t.Helper()
	if !slices.Equal(c.calls, calls) {
		t.Errorf("delivered\n%s\nwant\n%s", strings.Join(c.calls, "\n"), strings.Join(calls, "\n"))
	}
}

// buried returns the dead letters of a consumer.
func buried(t rapid.TB, d delivery, name string) (letters []deadLetter) {
	t.Helper()
	g := d.box.(*grave)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range g.letters {
		letter := deadLetter{Letter: l}
		if err := json.Unmarshal([]byte(l.Content), &letter.Record); err != nil {
			t.Fatal(err)
		}
		if l.Consumer == name {
			letters = append(letters, letter)
		}
	}
	return letters
}

type deadLetter struct {
	deadletters.Letter
	Record events.DynamoDBEventRecord
}

func TestABatchThatIsDoneIsDeliveredOnce(t *testing.T) {
	var c consumer
	d := quick(t)
	if err := d.deliver(ctx, c.consumer(), batch(3)); err != nil {
		t.Fatal(err)
	}
	if err := d.deliver(ctx, c.consumer(), nil); err != nil {
		t.Fatal(err)
	}
	c.want(t, "1 2 3")
}

func TestAPartialFailureIsRetriedFromTheFirstFailedRecord(t *testing.T) {
	c := consumer{answer: func(call int, _ []string) ([]string, error) {
		switch call {
		case 1:
			return []string{"3"}, nil
		case 2:
			return []string{"5", "4"}, nil // Lambda goes by the lowest
		}
		return nil, nil
	}}
	if err := quick(t).deliver(ctx, c.consumer(), batch(5)); err != nil {
		t.Fatal(err)
	}
	c.want(t, "1 2 3 4 5", "3 4 5", "4 5")
}

// A full disk, which the engine reads on from.
func TestAStoreThatTakesNoWritesForAWhileCostsNoRecord(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	placed, _, err := c.Place(ctx, cafetest.Staff, model.Draft{CustomerID: "alice", Lines: []model.DraftLine{{SKU: "tea", Quantity: 1}}}, "")
	if err != nil {
		t.Fatal(err)
	}
	changes := c.Recorder.Changes(stream.LedgerWants)
	if len(changes) == 0 || changes[len(changes)-1].Key.PK != "O#"+placed.ID {
		t.Fatalf("changes: %v", changes)
	}
	refused := 0
	c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
		if call.Method == "Write" && refused < 10*Tries {
			refused++
			return tabletest.Fault{Before: table.ErrUnavailable}
		}
		return tabletest.Fault{}
	})
	d := quick(t)
	d.reachable = Writable(c.Faults)
	record := stream.Record(changes[len(changes)-1], "1")
	if err := d.deliver(ctx, Consumer{Name: "ledger", Wants: stream.LedgerWants, Handle: stream.Ledger(c.Ledger, c.Events)}, []events.DynamoDBEventRecord{record}); err != nil {
		t.Fatal(err)
	}
	if letters := buried(t, d, "ledger"); len(letters) > 0 {
		t.Errorf("dead letters: %+v", letters)
	}
	if alice, err := c.Cafe.Customer(ctx, cafetest.Staff, "alice"); err != nil || alice.Balance != placed.Total {
		t.Errorf("alice owes %d, %v", alice.Balance, err)
	}
}

func TestARecordThatHadItsTriesGoesToTheDeadLettersWithItsReason(t *testing.T) {
	d := quick(t)
	why := errors.New("attribute total is of the wrong kind")
	c := Consumer{Name: "ledger", Handle: stream.Handle("ledger", func(_ context.Context, changes []records.Change) []error {
		errs := make([]error, len(changes))
		for i, change := range changes {
			if change.Key.PK == "O#2" {
				errs[i] = why
			}
		}
		return errs
	})}
	tries := 0
	handle := c.Handle
	c.Handle = func(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		if slices.Contains(numbers(e.Records), "2") {
			tries++
		}
		return handle(ctx, e)
	}
	if err := d.deliver(ctx, c, batch(3)); err != nil {
		t.Fatal(err)
	}
	letters := buried(t, d, "ledger")
	if len(letters) != 1 {
		t.Fatalf("%d dead letters", len(letters))
	}
	l := letters[0]
	if l.Consumer != "ledger" || l.Reason != why.Error() || l.Record.Change.SequenceNumber != "2" || l.About != "orders/2" {
		t.Errorf("dead letter %+v", l)
	}
	if pk := l.Record.Change.Keys[table.AttrPK]; pk.String() != "O#2" || len(l.Record.Change.NewImage) != 3 {
		t.Errorf("its record is %+v", l.Record)
	}
	if tries != Tries {
		t.Errorf("%d tries, want %d", tries, Tries)
	}
}

func TestABatchThatFailsAsAWholeIsSplit(t *testing.T) {
	for name, fail := range map[string]func() ([]string, error){
		"an error":                     func() ([]string, error) { return nil, errors.New("down") },
		"a panic":                      func() ([]string, error) { panic("oh") },
		"an empty number":              func() ([]string, error) { return []string{""}, nil },
		"the number of another record": func() ([]string, error) { return []string{"77"}, nil },
	} {
		t.Run(name, func(t *testing.T) {
			d := quick(t)
			c := consumer{answer: func(_ int, batch []string) ([]string, error) {
				if slices.Contains(batch, "6") {
					return fail()
				}
				return nil, nil
			}}
			if err := d.deliver(ctx, c.consumer(), batch(8)); err != nil {
				t.Fatal(err)
			}
			want := []string{"1 2 3 4 5 6 7 8", "1 2 3 4", "5 6 7 8", "5 6", "5"}
			for range Tries {
				want = append(want, "6")
			}
			c.want(t, append(want, "7 8")...)
			if letters := buried(t, d, "test"); len(letters) != 1 || letters[0].Record.Change.SequenceNumber != "6" || letters[0].Reason == "" {
				t.Errorf("dead letters %+v", letters)
			}
		})
	}
}

func TestASplitGivesTheSecondHalfAllItsTries(t *testing.T) {
	d := quick(t)
	c := consumer{answer: func(call int, batch []string) ([]string, error) {
		switch {
		case call < Tries: // 1 fails a few times, then all that is left as a whole
			return []string{"1"}, nil
		case call == Tries:
			return nil, errors.New("down")
		case batch[0] == "2" && call < 2*Tries:
			return []string{"2"}, nil
		}
		return nil, nil
	}}
	if err := d.deliver(ctx, c.consumer(), batch(2)); err != nil {
		t.Fatal(err)
	}
	if letters := buried(t, d, "test"); len(letters) != 0 {
		t.Errorf("%s was buried after %q", letters[0].Record.Change.SequenceNumber, c.calls)
	}
}

func TestWhatTheStoreCausesCountsNoTry(t *testing.T) {
	t.Run("it cannot be reached", func(t *testing.T) {
		d := quick(t)
		down := 4 * Tries
		d.reachable = func(context.Context) bool { return down <= 0 }
		c := consumer{answer: func(int, []string) ([]string, error) {
			if down--; down >= 0 {
				return nil, table.ErrUnavailable
			}
			return nil, nil
		}}
		if err := d.deliver(ctx, c.consumer(), batch(2)); err != nil {
			t.Fatal(err)
		}
		if letters := buried(t, d, "test"); len(letters) != 0 || c.calls[len(c.calls)-1] != "2" && c.calls[len(c.calls)-1] != "1 2" {
			t.Errorf("%d dead letters, last delivered %q", len(letters), c.calls[len(c.calls)-1])
		}
	})
	t.Run("it asks for a slower pace", func(t *testing.T) {
		d := quick(t)
		calls := 0
		c := Consumer{Name: "test", Handle: stream.Handle("test", func(_ context.Context, changes []records.Change) []error {
			errs := make([]error, len(changes))
			if calls++; calls < 4*Tries {
				errs[0] = fmt.Errorf("post: %w", table.ErrThrottled)
			}
			return errs
		})}
		if err := d.deliver(ctx, c, batch(2)); err != nil {
			t.Fatal(err)
		}
		if letters := buried(t, d, "test"); len(letters) != 0 || calls != 4*Tries {
			t.Errorf("%d dead letters after %d calls", len(letters), calls)
		}
	})
}

func TestAnEndedContextBuriesNothing(t *testing.T) {
	d := quick(t)
	ending, cancel := context.WithCancel(ctx)
	c := consumer{answer: func(call int, batch []string) ([]string, error) {
		if call == Tries {
			cancel()
		}
		return []string{"1"}, nil
	}}
	if err := d.deliver(ending, c.consumer(), batch(2)); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if letters := buried(t, d, "test"); len(letters) != 0 {
		t.Errorf("%d dead letters", len(letters))
	}
}

func TestADeadLetterThatCannotBeKeptStopsTheDelivery(t *testing.T) {
	d := quick(t)
	d.box.(*grave).err = table.ErrUnavailable
	c := consumer{answer: func(int, []string) ([]string, error) { return []string{"1"}, nil }}
	if err := d.deliver(ctx, c.consumer(), batch(2)); err == nil {
		t.Error("the record is lost")
	}
	if last := c.calls[len(c.calls)-1]; last != "1 2" {
		t.Errorf("went on with %q", last)
	}
}

func TestARecordThatJSONCannotTellIsBuriedAllTheSame(t *testing.T) {
	d := quick(t)
	poison := batch(2)
	poison[0].Change.NewImage["junk"] = events.DynamoDBAttributeValue{}
	c := consumer{answer: func(_ int, batch []string) ([]string, error) {
		if batch[0] == "1" {
			return []string{"1"}, nil
		}
		return nil, nil
	}}
	if err := d.deliver(ctx, c.consumer(), poison); err != nil {
		t.Fatal(err)
	}
	if letters := buried(t, d, "test"); len(letters) != 1 || letters[0].Record.Change.SequenceNumber != "1" {
		t.Errorf("dead letters %+v", letters)
	}
	if last := c.calls[len(c.calls)-1]; last != "2" {
		t.Errorf("last delivered %q", last)
	}
}

func TestNothingIsLostAndOrderIsKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 12).Draw(t, "records")
		// What each record does to its batch: so many failures, then it is done; Tries
		// or more is a poison.
		failures := rapid.SliceOfN(rapid.SampledFrom([]int{0, 0, 0, 1, 2, Tries, 1000}), n, n).Draw(t, "failures")
		wholly := rapid.SliceOfN(rapid.Bool(), n, n).Draw(t, "wholly")
		left := slices.Clone(failures)
		var done []string
		c := Consumer{Name: "test", Handle: func(_ context.Context, e events.DynamoDBEvent) (r events.DynamoDBEventResponse, err error) {
			for _, number := range numbers(e.Records) {
				var i int
				fmt.Sscan(number, &i)
				if i--; left[i] > 0 {
					left[i]--
					if wholly[i] {
						return r, errors.New("failed as a whole")
					}
					r.BatchItemFailures = []events.DynamoDBBatchItemFailure{{ItemIdentifier: number}}
					return r, nil
				}
				done = append(done, number)
			}
			return r, nil
		}}
		d := newDelivery(&grave{}, reachable)
		d.pauses = func() backoff.BackOff { return &backoff.ZeroBackOff{} }
		if err := d.deliver(ctx, c, batch(n)); err != nil {
			t.Fatal(err)
		}
		var dead []string
		for _, l := range buried(t, d, "test") {
			dead = append(dead, l.Record.Change.SequenceNumber)
		}
		var first []string // in the order of the first time that each was done
		for _, number := range done {
			if !slices.Contains(first, number) {
				first = append(first, number)
			}
		}
		for i, r := range numbers(batch(n)) {
			isDone, isDead := slices.Contains(first, r), slices.Contains(dead, r)
			if isDone == isDead {
				t.Errorf("%s: done %v, dead %v", r, isDone, isDead)
			}
			// A whole failure of a batch of several splits it and counts no try, so a record
			// may fail a little more often than it has tries.
			if isDead && failures[i] < Tries || isDone && failures[i] > Tries+5 {
				t.Errorf("%s, which fails %d times: done %v, dead %v", r, failures[i], isDone, isDead)
			}
		}
		for name, list := range map[string][]string{"done": first, "dead": dead} {
			if !slices.IsSortedFunc(list, func(a, b string) int {
				var x, y int
				fmt.Sscan(a, &x)
				fmt.Sscan(b, &y)
				return x - y
			}) {
				t.Errorf("%s out of order: %q", name, list)
			}
		}
	})
}

func TestCase25APoisonRecordGoesToTheDeadLettersAndItsNeighboursArePosted(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		c := cafetest.Open(t, e.Open(t))
		for _, who := range []string{"alice", "bob", "alice"} {
			draft := model.Draft{CustomerID: who, Lines: []model.DraftLine{{SKU: "tea", Quantity: 1}}}
			if _, _, err := c.Place(ctx, cafetest.Staff, draft, ""); err != nil {
				t.Fatal(err)
			}
		}
		d := quick(t)
		var batch []events.DynamoDBEventRecord
		for i, change := range c.Recorder.Changes(stream.LedgerWants) {
			batch = append(batch, stream.Record(change, fmt.Sprint(i+1)))
		}
		poison := stream.Record(c.Recorder.Changes(stream.LedgerWants)[0], "poison")
		poison.Change.Keys = map[string]events.DynamoDBAttributeValue{"pk": events.NewStringAttribute("O#poison"), "sk": events.NewStringAttribute("O")}
		poison.Change.NewImage["total"] = events.NewNullAttribute()
		batch = slices.Insert(batch, 1, poison)
		if err := d.deliver(ctx, Consumer{Name: "ledger", Handle: stream.Ledger(c.Ledger, c.Events)}, batch); err != nil {
			t.Fatal(err)
		}
		c.WantTrue(t)
		letters := buried(t, d, "ledger")
		if len(letters) != 1 || letters[0].Record.Change.SequenceNumber != "poison" || !strings.Contains(letters[0].Reason, "total") {
			t.Errorf("dead letters %+v", letters)
		}
	})
}
