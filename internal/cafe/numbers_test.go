package cafe_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"pgregory.net/rapid"

	"cafe/internal/cafe"
	"cafe/internal/cafetest"
	"cafe/internal/house"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

func number(t rapid.TB, c *house.House) int64 {
	t.Helper()
	order, _, err := c.Place(ctx, cafetest.Staff, draft("tea"), "")
	if err != nil {
		t.Fatal(err)
	}
	return order.Number
}

func TestOneProcessNumbersADaysOrdersInSequence(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		for want := int64(1); want <= 45; want++ {
			if got := number(t, c.House); got != want {
				t.Fatalf("number %d, want %d", got, want)
			}
			// What places no order uses up no number.
			if _, _, err := c.Place(ctx, cafetest.Staff, model.Draft{Lines: []model.DraftLine{{SKU: "brownie", Quantity: 100}}}, ""); !errors.As(err, new(model.Shortages)) {
				t.Fatal(err)
			}
		}
		c.Clock.Pass(24 * time.Hour)
		if got := number(t, c.House); got != 1 {
			t.Errorf("the next day begins with %d", got)
		}
		c.Restart()
		if got := number(t, c.House); got != 21 {
			t.Errorf("after a restart comes %d, want that the rest of a block is lost", got)
		}
	})
}

func TestARepeatedRequestAnswersTheNumberOfTheOrder(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		first, _, err := c.Place(ctx, cafetest.Alice, draft("tea"), "key")
		if err != nil || first.Number != 1 {
			t.Fatal(first.Number, err)
		}
		for _, restart := range []bool{false, true} {
			if restart {
				c.Restart()
			}
			again, replayed, err := c.Place(ctx, cafetest.Alice, draft("tea"), "key")
			if err != nil || !replayed || again.Number != 1 {
				t.Error(again.Number, replayed, err)
			}
		}
		note := "soon"
		amended, err := c.Amend(ctx, cafetest.Alice, first.ID, cafe.Amendment{Note: &note}, cafetest.Version(1))
		if err != nil || amended.Number != 1 {
			t.Error(amended.Number, err)
		}
		if moved, err := c.Advance(ctx, cafetest.Staff, first.ID, cafe.Move{To: model.StatusPreparing}, nil); err != nil || moved.Number != 1 {
			t.Error(moved.Number, err)
		}
		if got := number(t, c.House); got == 1 {
			t.Error("the number was given out again")
		}
	})
}

// An order whose write had no answer may be stored: its number is not for another.
func TestANumberThatMayBeStoredIsNotGivenOutAgain(t *testing.T) {
	cafetest.OnEachCafe(t, func(t *testing.T, c *cafetest.Cafe) {
		first := number(t, c.House)
		c.Faults.Set(tabletest.Always(tabletest.Fault{After: table.ErrUnavailable}, "Write"))
		if _, _, err := c.Place(ctx, cafetest.Staff, draft("tea"), ""); !errors.Is(err, table.ErrUnavailable) {
			t.Fatal(err)
		}
		c.Faults.Set(nil)
		if got := number(t, c.House); got != first+2 {
			t.Errorf("number %d after one that may be stored as %d", got, first+1)
		}
	})
}

// Several processes place orders at once, and calls fail before or after they are stored.
func TestNoTwoOrdersOfADayHaveOneNumber(t *testing.T) {
	cafetest.Property(t, func(t *rapid.T, c *cafetest.Cafe) {
		processes := make([]*house.House, rapid.IntRange(1, 4).Draw(t, "processes"))
		for i := range processes {
			processes[i] = house.Open(c.Settings, c.Faults, c.Clock.Now)
		}
		var mu sync.Mutex
		faults := rapid.SliceOfN(rapid.SampledFrom([]tabletest.Fault{{}, {}, {}, {Before: table.ErrThrottled}, {Before: table.ErrUnavailable}, {After: table.ErrUnavailable}}), 20, 60).Draw(t, "faults")
		c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
			mu.Lock()
			defer mu.Unlock()
			if call.Method != "Write" || len(faults) == 0 {
				return tabletest.Fault{}
			}
			f := faults[0]
			faults = faults[1:]
			return f
		})
		orders := rapid.IntRange(1, 30).Draw(t, "orders")
		var placing sync.WaitGroup
		for _, p := range processes {
			placing.Go(func() {
				for i := range orders {
					_, _, err := p.Place(ctx, cafetest.Staff, draft("tea"), fmt.Sprint("key", i))
					if err != nil && !records.IsUnreachable(err) {
						t.Error(err)
					}
				}
			})
		}
		placing.Wait()
		c.Faults.Set(nil)
		seen := map[int64]bool{}
		placed, _, err := c.Orders(ctx, cafetest.Owner, cafe.Filter{}, "", 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range placed {
			if o.Number < 1 || seen[o.Number] {
				t.Errorf("number %d again", o.Number)
			}
			seen[o.Number] = true
		}
	})
}

// Histories of numbers are those of one counter that leaves out some: a number that was handed
// out is never handed out again, whoever asks and when. In one process they also grow.
func TestNumbersAreHandedOutAsByOneCounter(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		c := cafetest.Open(t, e.Open(t))
		model := porcupine.Model{
			Init: func() any { return int64(0) },
			Step: func(last, _, got any) (bool, any) { return got.(int64) == last.(int64)+1, got },
		}
		began := time.Now()
		var mu sync.Mutex
		var history []porcupine.Operation
		var placing sync.WaitGroup
		for client := range 4 {
			placing.Go(func() {
				for range 12 {
					called := time.Since(began)
					n := number(t, c.House)
					mu.Lock()
					history = append(history, porcupine.Operation{ClientId: client, Call: called.Nanoseconds(), Output: n, Return: time.Since(began).Nanoseconds()})
					mu.Unlock()
				}
			})
		}
		placing.Wait()
		if !porcupine.CheckOperations(model, history) {
			var got []int64
			for _, o := range history {
				got = append(got, o.Output.(int64))
			}
			slices.Sort(got)
			t.Errorf("no counter counts like this: %v", got)
		}
	})
}
