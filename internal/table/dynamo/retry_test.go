package dynamo

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"testing"
	"time"

	"cafe/internal/table"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
)

var ctx = context.Background()

func set(key table.Key, item table.Item, conditions ...table.Condition) table.Op {
	op := table.Update(key, conditions...)
	op.Set = item
	return op
}

func add(key table.Key, attr string, n int64, conditions ...table.Condition) table.Op {
	op := table.Update(key, conditions...)
	op.Add = map[string]int64{attr: n}
	return op
}

func remove(key table.Key, attr string, conditions ...table.Condition) table.Op {
	op := table.Update(key, conditions...)
	op.Remove = []string{attr}
	return op
}

// TestErrorsOfOneWrite shows which error a write returns for DynamoDB's answers to one or
// more attempts.
func TestErrorsOfOneWrite(t *testing.T) {
	k := table.Key{PK: "p", SK: "s"}
	one := table.Item{"v": table.Int(1)}
	const itself, other = `{"pk":{"S":"p"},"sk":{"S":"s"},"v":{"N":"1"}}`, `{"pk":{"S":"p"},"sk":{"S":"s"},"v":{"N":"9"}}`
	const conflicts = "a ConditionError"
	for _, c := range []struct {
		name     string
		op       table.Op
		answers  []answer
		want     any // nil, an error of package table, or conflicts
		attempts int
	}{
		{"stored at once", table.Put(k, one), []answer{ok()}, nil, 1},
		{"refused at once", table.Put(k, one, table.Absent()), []answer{refused(other)}, conflicts, 1},
		{"refused at once, the item being the same", table.Put(k, one, table.Absent()), []answer{refused(itself)}, conflicts, 1},
		{"an update refused at once", set(k, one, table.Present()), []answer{refused("")}, conflicts, 1},

		{"no connection, then stored", table.Put(k, one, table.Absent()), []answer{noConnection(), ok()}, nil, 2},
		{"no connection, then refused", table.Put(k, one, table.Absent()), []answer{noConnection(), refused(other)}, conflicts, 2},
		{"throttled, then refused", table.Put(k, one, table.Absent()), []answer{refuses("ThrottlingException"), refused(itself)}, conflicts, 2},

		// Case 9 in docs/reliability.md.
		{"answer lost, then refused by itself", table.Put(k, one, table.Absent()), []answer{lost(), refused(itself)}, nil, 2},
		{"500, then refused by itself", table.Put(k, one, table.Absent()), []answer{serverError(), refused(itself)}, nil, 2},
		{"answer cut off, then refused by itself", table.Put(k, one, table.Absent()), []answer{cutOff(), refused(itself)}, nil, 2},
		{"answer lost, throttled, then refused by itself", table.Put(k, one, table.Absent()), []answer{lost(), refuses("ThrottlingException"), refused(itself)}, nil, 3},
		{"answer lost, then refused by another", table.Put(k, one, table.Absent()), []answer{lost(), refused(other)}, table.ErrUnavailable, 2},
		{"answer lost, then refused since it is gone", table.Put(k, one, table.Present()), []answer{lost(), refused("")}, table.ErrUnavailable, 2},
		{"update: answer lost, then refused by itself", set(k, one, table.Equal("v", table.Int(0))), []answer{lost(), refused(itself)}, nil, 2},
		{"update: answer lost, then refused by another", set(k, one, table.Equal("v", table.Int(0))), []answer{lost(), refused(other)}, table.ErrUnavailable, 2},
		{"update: answer lost, then refused since it is gone", set(k, one, table.Equal("v", table.Int(0))), []answer{lost(), refused("")}, table.ErrUnavailable, 2},
		{"counting: answer lost, then refused by itself", add(k, "v", 1, table.Equal("v", table.Int(0))), []answer{lost(), refused(itself)}, nil, 2},
		{"counting from nothing: answer lost, then refused by itself", add(k, "v", 1, table.Missing("v")), []answer{lost(), refused(itself)}, nil, 2},
		{"counting: answer lost, then refused by another", add(k, "v", 1, table.Equal("v", table.Int(0))), []answer{lost(), refused(other)}, table.ErrUnavailable, 2},
		{"removing: answer lost, then refused", remove(k, "w", table.AtLeast("w", 0)), []answer{lost(), refused(itself)}, table.ErrUnavailable, 2},
		{"deleting: answer lost, then refused", table.Delete(k, table.Present()), []answer{lost(), refused("")}, table.ErrUnavailable, 2},
		{"deleting: answer lost, then done", table.Delete(k, table.Present()), []answer{lost(), ok()}, nil, 2},

		// An ADD that was stored and answered with 500 would count twice.
		{"counting without a condition is not repeated", add(k, "v", 1), []answer{serverError()}, table.ErrUnavailable, 1},
		{"counting under a condition that stays true is not repeated", add(k, "v", -1, table.AtLeast("v", 1)), []answer{lost()}, table.ErrUnavailable, 1},
		{"counting is repeated when it cannot have happened", add(k, "v", 1), []answer{noConnection(), refuses("ThrottlingException"), ok()}, nil, 3},
		{"counting is repeated when its condition refuses the second time", add(k, "v", 1, table.Equal("v", table.Int(0))), []answer{serverError(), ok()}, nil, 2},

		{"conflict", table.Put(k, one), []answer{refuses("TransactionConflictException")}, table.ErrConflict, 1},
		{"answer lost, then conflict", table.Put(k, one), []answer{lost(), refuses("TransactionConflictException")}, table.ErrUnavailable, 2},
		{"throttled to the end", table.Put(k, one), []answer{refuses("ThrottlingException"), refuses("ProvisionedThroughputExceededException"), refuses("RequestLimitExceeded"), refuses("ThrottlingException")}, table.ErrThrottled, 4},
		{"answer lost, then throttled to the end", table.Put(k, one), []answer{lost(), refuses("ThrottlingException"), refuses("ThrottlingException"), refuses("ThrottlingException")}, table.ErrUnavailable, 4},
		{"down to the end", table.Put(k, one), []answer{serverError(), lost(), noConnection(), serverError()}, table.ErrUnavailable, 4},
		{"no table", table.Put(k, one), []answer{refuses("ResourceNotFoundException")}, table.ErrUnavailable, 1},
		{"no rights", table.Put(k, one), []answer{refuses("AccessDeniedException")}, table.ErrUnavailable, 1},
		{"makes no sense", set(k, one), []answer{says("ValidationException", "Invalid UpdateExpression: syntax error")}, table.ErrInvalid, 1},
		{"grew too large", set(k, one), []answer{says("ValidationException", "Item size to update has exceeded the maximum allowed size")}, table.ErrTooLarge, 1},
		{"request too large", set(k, one), []answer{{status: 413, body: "{}"}}, table.ErrTooLarge, 1},
		{"added to text", add(k, "v", 1), []answer{refused(`{"pk":{"S":"p"},"sk":{"S":"s"},"v":{"S":"x"}}`)}, table.ErrInvalid, 1},
		{"added beyond 64 bits", add(k, "v", 1), []answer{refused(`{"pk":{"S":"p"},"sk":{"S":"s"},"v":{"N":"9223372036854775807"}}`)}, table.ErrInvalid, 1},
		{"added under a condition that fails", add(k, "v", 1, table.Below("v", 5)), []answer{refused(other)}, conflicts, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, s := play(t, c.answers...)
			check(t, db.Write(ctx, c.op), c.want)
			if len(s.asked) != c.attempts {
				t.Errorf("%d attempts, want %d", len(s.asked), c.attempts)
			}
		})
	}
}

// A write that adds may be sent again although it may have taken effect, but only if its
// own effect makes its condition false.
func TestRepeatableWrites(t *testing.T) {
	k := table.Key{PK: "p", SK: "s"}
	both := func(set table.Item, attr string, n int64, conditions ...table.Condition) table.Op {
		op := add(k, attr, n, conditions...)
		op.Set = set
		return op
	}
	for _, c := range []struct {
		name string
		op   table.Op
		want bool
	}{
		{"a put", table.Put(k, nil), true},
		{"a delete", table.Delete(k), true},
		{"a setting", set(k, table.Item{"v": table.Int(1)}), true},
		{"a removal", remove(k, "v"), true},
		{"a count", add(k, "n", 1), false},
		{"a count of what is there", add(k, "n", 1, table.Present()), false},
		{"a count that makes the item", add(k, "n", 1, table.Absent()), true},
		{"the first count", add(k, "n", 1, table.Missing("n")), true},
		{"a count while something else is missing", add(k, "n", 1, table.Missing("v")), false},
		{"a count that sets what was missing", both(table.Item{"v": table.Int(1)}, "n", 1, table.Missing("v")), true},
		{"a count from a number", add(k, "n", 1, table.Equal("n", table.Int(3))), true},
		{"a count of nothing from a number", add(k, "n", 0, table.Equal("n", table.Int(3))), false},
		{"a count under a version that moves", both(table.Item{"v": table.Int(4)}, "n", 1, table.Equal("v", table.Int(3))), true},
		{"a count under a version that stays", both(table.Item{"v": table.Int(3)}, "n", 1, table.Equal("v", table.Int(3))), false},
		{"a count under a mark that rises to its limit", both(table.Item{"v": table.Int(7)}, "n", 1, table.Below("v", 7)), true},
		{"a count under a mark that stays below its limit", both(table.Item{"v": table.Int(6)}, "n", 1, table.Below("v", 7)), false},
		{"a count while enough is there", add(k, "n", -1, table.AtLeast("n", 1)), false},
	} {
		if got := repeatable(c.op); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// check compares an error with nil, an error of package table, or "a ConditionError".
func check(t *testing.T, err error, want any) {
	t.Helper()
	var refusal *table.ConditionError
	isRefusal := errors.As(err, &refusal)
	switch want := want.(type) {
	case nil:
		if err != nil {
			t.Errorf("got %v", err)
		}
	case error:
		if !errors.Is(err, want) || isRefusal {
			t.Errorf("got %v, want %v", err, want)
		}
		for _, e := range []error{table.ErrNotFound, table.ErrConflict, table.ErrThrottled, table.ErrUnavailable, table.ErrTooLarge, table.ErrInvalid} {
			if e != want && errors.Is(err, e) {
				t.Errorf("%v is %v too", err, e)
			}
		}
	default:
		if !isRefusal {
			t.Errorf("got %v, want %v", err, want)
		}
	}
}

func TestErrorsOfATransaction(t *testing.T) {
	a, b, c := table.Key{PK: "a", SK: "s"}, table.Key{PK: "b", SK: "s"}, table.Key{PK: "c", SK: "s"}
	ops := []table.Op{
		table.Put(a, table.Item{"v": table.Int(1)}, table.Absent()),
		add(b, "n", -1, table.AtLeast("n", 1)),
		table.Check(c, table.Present()),
	}
	const (
		failed = "ConditionalCheckFailed"
		itemA  = ` {"pk":{"S":"a"},"sk":{"S":"s"},"v":{"N":"1"}}`
		least  = ` {"pk":{"S":"b"},"sk":{"S":"s"},"n":{"N":"-9223372036854775808"}}`
	)
	for _, c := range []struct {
		name     string
		answers  []answer
		want     any // nil, an error of package table, or the failures of a ConditionError
		attempts int
	}{
		{"stored at once", []answer{ok()}, nil, 1},
		{"answer lost, stored", []answer{lost(), ok()}, nil, 2},
		{"in progress, then stored", []answer{serverError(), refuses("TransactionInProgressException"), ok()}, nil, 3},
		{"in progress to the end", []answer{lost(), refuses("TransactionInProgressException"), refuses("TransactionInProgressException"), refuses("TransactionInProgressException")}, table.ErrUnavailable, 4},
		{"one refused", []answer{canceled("None", failed, "None")}, []table.Failure{{Op: 1}}, 1},
		{"all refused, one with its item", []answer{canceled(failed+itemA, failed, failed)}, []table.Failure{{Op: 0, Item: table.Item{"v": table.Int(1)}}, {Op: 1}, {Op: 2}}, 1},
		{"answer lost, then refused: the token shows that nothing was written", []answer{lost(), canceled(failed+itemA, "None", "None")}, []table.Failure{{Op: 0, Item: table.Item{"v": table.Int(1)}}}, 2},
		{"conflict", []answer{canceled("TransactionConflict", "None", "None")}, table.ErrConflict, 1},
		{"conflict on the order while the cake is gone", []answer{canceled("TransactionConflict", failed, "None")}, table.ErrConflict, 1},
		{"throttled, then stored", []answer{canceled("None", "ThrottlingError", "None"), ok()}, nil, 2},
		{"throttled to the end", []answer{canceled("ThrottlingError", "None", "None"), canceled("ProvisionedThroughputExceeded", "None", "None"), refuses("ThrottlingException"), canceled("None", "None", "ThrottlingError")}, table.ErrThrottled, 4},
		{"throttled beside a refusal", []answer{canceled("ThrottlingError", failed, "None")}, table.ErrThrottled, 1},
		{"answer lost, then throttled to the end", []answer{lost(), refuses("ThrottlingException"), refuses("ThrottlingException"), refuses("ThrottlingException")}, table.ErrUnavailable, 4},
		{"answer lost, then in conflict", []answer{lost(), canceled("TransactionConflict", "None", "None")}, table.ErrUnavailable, 2},
		{"an item grew too large", []answer{canceled("None", "ValidationError Item size to update has exceeded the maximum allowed size", "None")}, table.ErrTooLarge, 1},
		{"a type that cannot be added to", []answer{canceled("None", "ValidationError An operand in the update expression has an incorrect data type", "None")}, table.ErrInvalid, 1},
		{"a sum beyond 64 bits", []answer{canceled("None", failed+` {"pk":{"S":"b"},"sk":{"S":"s"},"n":{"N":"9223372036854775807"}}`, "None")}, table.ErrInvalid, 1},
		{"a sum refused by its own condition", []answer{canceled("None", failed+least, "None")}, []table.Failure{{Op: 1, Item: table.Item{"n": table.Int(-1 << 63)}}}, 1},
		{"together too large", []answer{says("ValidationException", "Collection size of items in transaction exceeded 4 MB")}, table.ErrTooLarge, 1},
		{"an unknown reason", []answer{canceled("SomethingNew", failed, "None")}, table.ErrUnavailable, 1},
		{"fewer reasons than operations", []answer{canceled(failed)}, table.ErrUnavailable, 1},
		{"down to the end", []answer{lost(), lost(), lost(), lost()}, table.ErrUnavailable, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			db, s := play(t, c.answers...)
			err := db.Write(ctx, ops...)
			if want, isRefusal := c.want.([]table.Failure); isRefusal {
				var got *table.ConditionError
				if !errors.As(err, &got) || len(got.Failures) != len(want) {
					t.Fatalf("got %v, want %v", err, want)
				}
				for i, f := range got.Failures {
					if f.Op != want[i].Op || (f.Item == nil) != (want[i].Item == nil) || !f.Item.Equal(want[i].Item) {
						t.Errorf("failure %+v, want %+v", f, want[i])
					}
				}
			} else {
				check(t, err, c.want)
			}
			if len(s.asked) != c.attempts {
				t.Errorf("%d attempts, want %d", len(s.asked), c.attempts)
			}
			token := regexp.MustCompile(`"ClientRequestToken":"([^"]+)"`)
			for _, body := range s.asked {
				if got, first := token.FindStringSubmatch(body), token.FindStringSubmatch(s.asked[0]); got == nil || got[1] != first[1] {
					t.Errorf("tokens %v and %v", first, got)
				}
			}
		})
	}
}

func TestErrorsOfReads(t *testing.T) {
	altered := answer{status: 200, body: `{}`, altered: true}
	k := table.Key{PK: "p", SK: "s"}
	for _, c := range []struct {
		name     string
		answers  []answer
		want     any
		attempts int
	}{
		{"answer lost, then read", []answer{lost(), cutOff(), {status: 200, body: `{"Item":{"pk":{"S":"p"},"sk":{"S":"s"}}}`}}, nil, 3},
		{"not there", []answer{ok()}, table.ErrNotFound, 1},
		{"altered to the end", []answer{altered, altered, altered, altered}, table.ErrUnavailable, 4},
		{"throttled to the end", []answer{refuses("ThrottlingException"), refuses("ThrottlingException"), refuses("ThrottlingException"), refuses("ThrottlingException")}, table.ErrThrottled, 4},
		{"down to the end", []answer{serverError(), serverError(), serverError(), serverError()}, table.ErrUnavailable, 4},
		{"no table", []answer{refuses("ResourceNotFoundException")}, table.ErrUnavailable, 1},
	} {
		for _, plain := range []bool{false, true} {
			if plain && len(c.answers) > 0 && c.answers[0].altered {
				continue // the SDK only logs a wrong checksum
			}
			t.Run(fmt.Sprintf("%s, plain %v", c.name, plain), func(t *testing.T) {
				db, s := playWith(t, Options{PlainReads: plain}, c.answers...)
				_, err := db.Get(ctx, k, false)
				check(t, err, c.want)
				if len(s.asked) != c.attempts {
					t.Errorf("%d attempts, want %d", len(s.asked), c.attempts)
				}
			})
		}
	}
	for name, read := range map[string]func(*Table) error{
		"get":   func(db *Table) error { _, err := db.Get(ctx, k, true); return err },
		"query": func(db *Table) error { _, err := db.Query(ctx, table.Query{Partition: "p"}); return err },
		"scan":  func(db *Table) error { _, err := db.Scan(ctx, table.Scan{}); return err },
		"check": func(db *Table) error { return db.Write(ctx, table.Check(k, table.Present())) },
	} {
		t.Run("a "+name+" of an unsupported item is an error", func(t *testing.T) {
			const null = `{"pk":{"S":"p"},"sk":{"S":"s"},"v":{"NULL":true}}`
			for _, plain := range []bool{false, true} {
				db, _ := playWith(t, Options{PlainReads: plain}, answer{status: 200, body: `{"Item":` + null + `,"Items":[` + null + `]}`})
				if err := read(db); !errors.Is(err, errUnsupported) {
					t.Errorf("plain %v: got %v", plain, err)
				}
			}
		})
		t.Run("a "+name+" with no table is unavailable", func(t *testing.T) {
			db, _ := play(t, refuses("ResourceNotFoundException"))
			check(t, read(db), table.ErrUnavailable)
		})
	}
	t.Run("a scan after nonsense is invalid", func(t *testing.T) {
		db, s := play(t)
		_, err := db.Scan(ctx, table.Scan{After: "nonsense"})
		check(t, err, table.ErrInvalid)
		if len(s.asked) != 0 {
			t.Error("asked DynamoDB")
		}
	})
}

func TestErrorsWrapTheSDKs(t *testing.T) {
	db, _ := play(t, says("AccessDeniedException", "not authorized to perform dynamodb:PutItem"))
	err := db.Write(ctx, table.Put(table.Key{PK: "p", SK: "s"}, nil))
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "AccessDeniedException" {
		t.Errorf("got %v", err)
	}
}

func TestAnEndedContextReturnsItsError(t *testing.T) {
	k := table.Key{PK: "p", SK: "s"}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	db, _ := play(t, serverError(), serverError(), serverError(), serverError())
	db.retries = slow{db.retries}
	if err := db.Write(short, table.Put(k, nil)); !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, table.ErrUnavailable) {
		t.Errorf("during a pause: %v", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if err := db.Write(ended, table.Put(k, nil), table.Delete(table.Key{PK: "q", SK: "s"})); !errors.Is(err, context.Canceled) {
		t.Errorf("before it began: %v", err)
	}
}

// slow is a retryer whose pauses are longer than any test runs.
type slow struct{ aws.RetryerV2 }

func (slow) RetryDelay(int, error) (time.Duration, error) { return time.Hour, nil }

func TestPausesAreShort(t *testing.T) {
	for attempt, most := range map[int]time.Duration{1: 50 * time.Millisecond, 2: 100 * time.Millisecond, 4: 400 * time.Millisecond, 5: 500 * time.Millisecond, 99: 500 * time.Millisecond} {
		longest := time.Duration(0)
		for range 1000 {
			d, err := newPolicy(Options{}).RetryDelay(attempt, nil)
			if err != nil || d < 0 || d > most {
				t.Fatalf("pause after attempt %d: %v, %v", attempt, d, err)
			}
			longest = max(longest, d)
		}
		if longest < most/2 {
			t.Errorf("longest pause after attempt %d is %v of up to %v", attempt, longest, most)
		}
	}
	if n := newPolicy(Options{Attempts: 7}).MaxAttempts(); n != 7 {
		t.Errorf("%d attempts", n)
	}
}
