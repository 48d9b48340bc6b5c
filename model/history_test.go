package model

import (
	"fmt"
	"testing"
	"time"
)

func stepsOf(steps []Step) (text string) {
	for _, s := range steps {
		text += fmt.Sprintf("%d %s", s.Version, s.What)
		if s.Folded > 0 {
			text += fmt.Sprintf(" of %d", s.Folded)
		}
		text += ", "
	}
	return text
}

// However long an order is changed, its history stays small: the first step and the last
// twelve are there, and one tells of those between.
func TestAHistoryFoldsWhatIsOld(t *testing.T) {
	var history []Step
	at := func(version int64) time.Time { return time.Date(2026, 11, 29, 8, int(version), 0, 0, time.UTC) }
	for v := int64(1); v <= 30; v++ {
		before := stepsOf(history)
		next := Recorded(history, Step{Version: v, What: WasAmended, At: at(v)})
		if got := stepsOf(history); got != before {
			t.Fatalf("the history itself became %s", got)
		}
		history = next
		last, all := int64(0), int64(0)
		for _, s := range history {
			if s.Version <= last || s.What == WasFolded && !s.At.Equal(at(s.Version)) {
				t.Errorf("version %d: %s", v, stepsOf(history))
			}
			last, all = s.Version, all+max(1, s.Folded)
		}
		if last != v || all != v {
			t.Errorf("version %d: %s", v, stepsOf(history))
		}
		if want := map[int64]int{1: 1, 13: 13, 14: 14, 15: 14, 30: 14}[v]; want > 0 && len(history) != want {
			t.Errorf("version %d has %d steps, want %d", v, len(history), want)
		}
	}
	want := "1 amended, 18 several of 17, "
	for v := 19; v <= 30; v++ {
		want += fmt.Sprintf("%d amended, ", v)
	}
	if got := stepsOf(history); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// A history that begins later folds its first steps, too.
	history = nil
	for v := int64(5); v <= 20; v++ {
		history = Recorded(history, Step{Version: v, What: WasAmended, At: at(v)})
	}
	want = "8 several of 4, "
	for v := 9; v <= 20; v++ {
		want += fmt.Sprintf("%d amended, ", v)
	}
	if got := stepsOf(history); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestAHistoryTellsOfWhatItDoesNotKnow(t *testing.T) {
	placed, updated := time.Date(2026, 11, 29, 8, 0, 0, 0, time.UTC), time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		order Order
		want  string
	}{
		{Order{Version: 1}, "1 placed, "},
		{Order{Version: 1, Import: "i"}, "1 imported, "},
		{Order{Version: 4}, "1 placed, 4 several of 3, "},
		{Order{Version: 1, History: []Step{{Version: 1, What: WasPlaced}}}, "1 placed, "},
		{Order{Version: 2, History: []Step{{Version: 1, What: WasPlaced}, {Version: 2, What: WasReady}}}, "1 placed, 2 ready, "},
		{Order{Version: 5, History: []Step{{Version: 4, What: WasReady}}}, "1 placed, 3 several of 2, 4 ready, 5 several of 1, "},
		{Order{Version: 6, History: []Step{{Version: 4, What: WasFolded, Folded: 3}, {Version: 6, What: WasReady}}}, "1 placed, 4 several of 3, 5 several of 1, 6 ready, "},
		{Order{Version: 2, History: []Step{{Version: 2, What: WasReady}}}, "1 placed, 2 ready, "},
	} {
		c.order.PlacedAt, c.order.UpdatedAt = placed, updated
		steps := c.order.Steps()
		if got := stepsOf(steps); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
		if len(c.order.History) == 0 && (!steps[0].At.Equal(placed) || len(steps) > 1 && !steps[1].At.Equal(updated)) {
			t.Errorf("%+v", steps)
		}
	}
}
