package forecast

import (
	"fmt"
	"math"

	"cafe/model"
)

// recentDays is how far back Recent looks: four weeks.
const recentDays = 28

// Recent is how an item's forecast did in the four weeks up to the last day learnt, on the
// days on which the item was known and the café open.
type Recent struct {
	Days   int     // 0: nothing is known
	Error  float64 // the mean of |expected - sold|, in units
	Held   int     // days whose sales lay in the range
	Wasted int64   // units left over or spoiled, as far as told
	Lost   int64   // about how many units more would have sold on days when it ran out
}

// outcome is one day of an item's last four weeks.
type outcome struct {
	turn         int
	off          float64
	held, ranOut bool
	wasted       int64
	lost         float64
}

// history is an item's last outcomes, in a ring: the n-th is at n modulo its length.
type history struct {
	outcomes [recentDays]outcome
	n        int
}

func (it *item) remember(turn int, d Demand, o observation) {
	sold := int64(o.sold)
	h := &it.recent
	h.outcomes[h.n%recentDays] = outcome{
		turn: turn, off: math.Abs(float64(d.Expected - sold)), held: d.Low <= sold && sold <= d.High,
		ranOut: o.part < 1, wasted: o.waste, lost: o.sold/o.part - o.sold,
	}
	h.n++
}

// last returns the last few outcomes, the newest first.
func (h *history) last(most int) (list []outcome) {
	for n := h.n - 1; n >= max(0, h.n-min(most, recentDays)); n-- {
		list = append(list, h.outcomes[n%recentDays])
	}
	return list
}

// recentOf returns how the four weeks before a turn went.
func (it *item) recentOf(turn int) (r Recent) {
	var off, lost float64
	for _, o := range it.recent.last(recentDays) {
		if turn-o.turn > recentDays {
			break
		}
		r.Days++
		off, lost = off+o.off, lost+o.lost
		r.Wasted += o.wasted
		if o.held {
			r.Held++
		}
	}
	if r.Days > 0 {
		r.Error = off / float64(r.Days)
	}
	r.Lost = units(math.Round(lost))
	return r
}

const (
	firstDays = 14 // an item is new for so many open days
	pause     = 14 // days without a sale after which an item comes back anew
	newAgain  = 7  // for so many days it is back, or the café is
)

// doubts says why the item's numbers for the day are a guess, the gravest reason first.
func (it *item) doubts(f *Forecaster, today conditions) string {
	since := func(d model.Day) bool { return d != "" && today.day.Since(d) <= newAgain }
	switch gap := today.day.Since(f.last); {
	case gap > f.longGap:
		return fmt.Sprintf("nothing is known of the last %d days", gap-1)
	case since(f.reopened):
		return "the café has just opened again"
	case it.days == 1:
		return "it has been sold on one day only"
	case it.days < firstDays:
		return fmt.Sprintf("it has been known for %d open days only", it.days)
	case today.isHoliday && f.holiday.all.under == 0:
		return today.name + ": no holiday is known to go by"
	case today.isHoliday && f.holiday.byName[today.name].under == 0:
		return today.name + ": judged by other holidays"
	case since(it.returned):
		return "it has just come back"
	case it.ranOut() >= 3:
		return "it ran out on three of the last seven days or more, so demand was not seen"
	}
	return ""
}

// ranOut is on how many of the last seven open days the item ran out.
func (it *item) ranOut() (n int) {
	for _, o := range it.recent.last(7) {
		if o.ranOut {
			n++
		}
	}
	return n
}
