package records

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"cafe/internal/table"
	"cafe/model"
)

// happenings are the letters by which a stored history names what happened. A letter keeps its
// meaning for good.
var happenings = map[model.Happening]string{
	model.WasPlaced: "o", model.WasAmended: "a", model.WasPaid: "p", model.WasPreparing: "w", model.WasReady: "r", model.WasCollected: "c",
	model.WasCollectedUnpaid: "u", model.WasCancelled: "x", model.WasPartlyRefunded: "b", model.WasRefunded: "z", model.WasErased: "e", model.WasFolded: "f",
}

// putHistory puts an order's history into its item, as one text, since it is written with
// every change:
//
//	o0 w0+2n9c p1+3k2a|staff/sam|owner/olive
//
// A step is a letter, the place of who did it in the list behind it (none: not known), and the
// milliseconds since the order was placed, in base 36. A folded one has how many versions it
// has in place of who. A step's version is one more than that of the step before, unless it
// begins with it and a colon. Names are percent-encoded as far as they need be.
func putHistory(item table.Item, o model.Order) {
	if len(o.History) == 0 {
		return
	}
	var steps strings.Builder
	var people []string
	version := int64(0)
	for i, s := range o.History {
		if i > 0 {
			steps.WriteByte(' ')
		}
		last := s.Version
		if s.Folded > 0 {
			s.Version -= s.Folded - 1
		}
		if s.Version != version+1 {
			steps.WriteString(strconv.FormatInt(s.Version, 10) + ":")
		}
		version = last
		steps.WriteString(happenings[s.What])
		switch {
		case s.Folded > 0:
			steps.WriteString(strconv.FormatInt(s.Folded, 10))
		case s.Role != "":
			who := string(s.Role) + "/" + nameEscapes.Replace(s.By)
			at := slices.Index(people, who)
			if at < 0 {
				at = len(people)
				people = append(people, who)
			}
			steps.WriteString(strconv.Itoa(at))
		}
		if since := s.At.UnixMilli() - o.PlacedAt.UnixMilli(); since != 0 {
			steps.WriteString("+" + strconv.FormatInt(since, 36))
		}
	}
	item["history"] = table.String(strings.Join(append([]string{steps.String()}, people...), "|"))
}

var (
	nameEscapes = strings.NewReplacer("%", "%25", "|", "%7C")
	nameReads   = strings.NewReplacer("%25", "%", "%7C", "|")
)

// history returns what putHistory stored. placed is when the order was placed; times are to
// the millisecond.
func (r *Reader) history(placed time.Time) (history []model.Step) {
	text := r.Optional("history")
	if text == "" {
		return nil
	}
	parts := strings.Split(text, "|")
	people, version := parts[1:], int64(0)
	for word := range strings.SplitSeq(parts[0], " ") {
		if n, rest, has := strings.Cut(word, ":"); has {
			version = r.parse(n, 10, "history") - 1
			word = rest
		}
		if word == "" {
			r.Fail("history")
			return nil
		}
		s := model.Step{What: happeningOf(word[:1]), At: placed.Truncate(time.Millisecond)}
		number, since, has := strings.Cut(word[1:], "+")
		if has {
			s.At = s.At.Add(time.Duration(r.parse(since, 36, "history")) * time.Millisecond)
		}
		n := int64(-1)
		if number != "" {
			n = r.parse(number, 10, "history")
		}
		switch {
		case s.What == "":
			r.Fail("history")
		case s.What == model.WasFolded:
			s.Folded = max(1, n)
			version += s.Folded - 1
		case n >= int64(len(people)):
			r.Fail("history")
		case n >= 0:
			role, by, _ := strings.Cut(people[n], "/")
			s.Role, s.By = model.Role(role), nameReads.Replace(by)
		}
		if version++; version == 1 {
			s.At = placed
		}
		s.Version = version
		history = append(history, s)
	}
	return history
}

func happeningOf(letter string) model.Happening {
	for what, l := range happenings {
		if l == letter {
			return what
		}
	}
	return ""
}

// parse returns a number in a text. The name is for the error.
func (r *Reader) parse(text string, base int, name string) int64 {
	n, err := strconv.ParseInt(text, base, 64)
	if err != nil {
		r.Fail(name)
	}
	return n
}
