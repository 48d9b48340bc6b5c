package render

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"cafe/model"
	"cafe/model/report"

	"github.com/mattn/go-runewidth"
)

const (
	// The contract allows 72 columns. A phone shows some 45 letters before it wraps,
	// and what is wrapped twice looks torn.
	width = 44
	bars  = 16 // columns of the longest bar
	// maxSubject is one below what SNS refuses, in characters.
	maxSubject = 99
	shown      = 10 // best sellers
)

// terminal measures text in columns, whatever the locale of the process.
var terminal = &runewidth.Condition{}

// Text returns the mail: its subject, one line of fewer than 100 characters, and its
// body, in lines of at most 72 columns that end in \n. The bake list comes first, then
// the money, then what needs a look.
func Text(r report.Report, cafe Cafe) (subject, body string) {
	w := words{r, cafe}
	m := &mail{}
	m.bakeList(w)
	m.day(w)
	m.list("NEEDS A LOOK", w.NeedsALook)
	if len(w.Changes) > 0 {
		m.list(fmt.Sprintf("CHANGED SINCE REVISION %d", w.Revision-1), w.Changes)
	}
	m.list("SOLD OUT", w.ranOut())
	m.ranges(w)
	m.forecast(w)
	m.parts("THE MONEY IN PARTS", w.parts())
	m.parts("HOW IT WAS PAID", w.tenders())
	m.list("GIVEN BACK AND CANCELLED", w.reversals())
	m.list("THE BOOKS", w.closed())
	m.hours(w)
	m.items(w)
	m.list("BOUGHT TOGETHER", w.together())
	m.weeks(w)
	m.heading("ABOUT")
	m.say(w.built() + ".")
	m.say(w.basis())
	return w.subject(), m.String()
}

// subject says whose report it is, of which day, whether it is the first, and the figures. A
// long name is shortened, and the facts are not.
func (w words) subject() string {
	rest := " · " + w.Day.Format("Mon 2 Jan 2006")
	switch {
	case w.Partial:
		rest += " · so far"
	case w.Revised:
		rest += " · revised (no. " + strconv.Itoa(w.Revision) + ")"
	}
	rest += " · " + w.money(w.Revenue) + " · " + count(w.Orders, "order")
	name := []rune(oneLine(w.cafe.Name))
	if room := maxSubject - utf8.RuneCountInString(rest); len(name) > room {
		name = append(name[:max(room-1, 0)], '…')
	}
	return string(name) + rest
}

// mail is a body under construction.
type mail struct{ strings.Builder }

func (m *mail) heading(s string) {
	if m.Len() > 0 {
		m.WriteByte('\n')
	}
	m.say(s)
}

// say writes a paragraph of words.
func (m *mail) say(s string) { m.flow("", strings.Fields(oneLine(s))) }

// list writes a heading and its points, or nothing when there are none.
func (m *mail) list(heading string, points []string) {
	if len(points) == 0 {
		return
	}
	m.heading(heading)
	for _, p := range points {
		m.flow("• ", strings.Fields(oneLine(p)))
	}
}

// flow fills lines with pieces, none of which is broken unless it is wider than a
// line. The first line opens with the mark, and the others are indented as much.
func (m *mail) flow(mark string, pieces []string) {
	line, indent := mark, strings.Repeat(" ", columns(mark))
	room := width - len(indent)
	empty := true
	for _, p := range pieces {
		for !empty && columns(line)+1+columns(p) > width {
			m.WriteString(line + "\n")
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		for columns(p) > room {
			head := cut(p, room, "")
			m.WriteString(line + head + "\n")
			line, p = indent, p[len(head):]
		}
		line, empty = line+p, false
	}
	m.WriteString(line + "\n")
}

// bar writes a line that begins with a bar.
func (m *mail) bar(bar, label string) {
	m.WriteString(cut(strings.TrimSpace(bar+" "+oneLine(label)), width, "…") + "\n")
}

func (m *mail) bakeList(w words) {
	m.heading("BAKE FOR " + strings.ToUpper(w.NextOpenDay.Format("Monday 2 January")))
	var pieces []string
	for _, b := range w.onCounter() {
		if b.Bake > 0 {
			pieces = append(pieces, oneLine(b.Name)+" "+number(b.Bake))
		}
	}
	switch {
	case w.KnownDays == 0:
		m.say(w.basis())
		return
	case len(pieces) == 0:
		m.say("Nothing, going by the days before.")
		return
	}
	for i := range pieces[:len(pieces)-1] {
		pieces[i] += " ·"
	}
	m.flow("", pieces)
}

func (m *mail) day(w words) {
	heading := strings.ToUpper(w.Day.Format("Monday 2 January"))
	if w.Partial {
		heading += ", SO FAR"
	}
	m.heading(heading)
	m.say(w.takings())
	if w.Cancelled > 0 {
		m.say(number(w.Cancelled) + " cancelled or refunded.")
	}
	for _, c := range w.comparisons() {
		m.say(c.Mark + " " + c.Text)
	}
}

// ranges writes what each item is expected to sell: light up to the range, dark
// within it, black where it is expected.
func (m *mail) ranges(w words) {
	list := w.onCounter()
	if len(list) == 0 {
		return
	}
	m.heading("WHAT TO EXPECT")
	m.say("The number to make, and in brackets the range of 8 days in 10. Black is what to expect.")
	var most int64 = 1
	for _, b := range list {
		most = max(most, b.High)
	}
	for _, b := range list {
		m.bar(blocks(b, most), fmt.Sprintf("%s (%s) %s", number(b.Bake), ranged(b.Low, b.High), b.Name))
		if aside := w.aside(b); aside != "" {
			m.flow("  ", strings.Fields(oneLine(aside)))
		}
	}
	for _, s := range w.offCounter() {
		m.say(s)
	}
}

func blocks(b report.Bake, most int64) string {
	at := func(n int64) int { return int(float64(n) / float64(most) * (bars - 1)) }
	var s strings.Builder
	for i := 0; i <= at(b.High); i++ {
		switch {
		case i == at(b.Expected):
			s.WriteRune('█')
		case i >= at(b.Low):
			s.WriteRune('▒')
		default:
			s.WriteRune('░')
		}
	}
	return s.String()
}

func (m *mail) forecast(w words) {
	if len(w.YesterdaysForecast) == 0 {
		return
	}
	m.heading("HOW THE FORECAST DID")
	m.say(w.verdict())
	for _, f := range w.forecasts() {
		mark := w.mark(f) + " "
		text := fmt.Sprintf("%s: %s sold, %s expected (%s)", f.Name, number(f.Sold), number(f.Expected), ranged(f.Low, f.High))
		if f.SoldOut {
			text += ", ran out"
		}
		if len(f.By) > 1 {
			text += "; bake " + byWhen(f.By)
		}
		m.flow(mark, strings.Fields(oneLine(text)))
	}
}

// parts writes parts of the day's money, a line each.
func (m *mail) parts(heading string, list []part) {
	var points []string
	for _, p := range list {
		point := p.Name + ": " + p.Amount
		if p.Beside != "" {
			point += ", " + p.Beside
		}
		points = append(points, point)
	}
	m.list(heading, points)
}

func (m *mail) hours(w words) {
	if len(w.Hours) == 0 {
		return
	}
	m.heading("BY HOUR")
	var most model.Money = 1
	for _, h := range w.Hours {
		most = max(most, h.Revenue)
	}
	for _, h := range w.Hours {
		m.bar(fmt.Sprintf("%02d %s", h.Hour, length(float64(h.Revenue)/float64(most))), w.money(h.Revenue))
	}
}

func (m *mail) items(w words) {
	if len(w.Items) == 0 {
		return
	}
	m.heading("BEST SELLERS")
	most := float64(max(w.Items[0].Quantity, 1))
	for _, i := range w.Items[:min(len(w.Items), shown)] {
		m.bar(length(float64(i.Quantity)/most), number(i.Quantity)+" "+i.Name+", "+w.money(i.Revenue))
	}
	if rest := len(w.Items) - shown; rest > 0 {
		m.say("and " + count(int64(rest), "other item") + ".")
	}
}

// weeks writes the last four weeks, each ending on the report's weekday.
func (m *mail) weeks(w words) {
	if len(w.Trend) < 2 {
		return
	}
	m.heading("LAST FOUR WEEKS")
	var most model.Money = 1
	for _, t := range w.Trend {
		most = max(most, t.Revenue)
	}
	for from := (len(w.Trend)-1)%7 - 6; from < len(w.Trend); from += 7 {
		var spark strings.Builder
		var sum model.Money
		week := w.Trend[max(from, 0) : from+7]
		for _, t := range week {
			spark.WriteRune(step(float64(t.Revenue) / float64(most)))
			sum += t.Revenue
		}
		m.bar(spark.String(), w.money(sum)+", week to "+week[len(week)-1].Day.Format("2 Jan"))
	}
}

// length draws a share of the longest bar to an eighth of a column. Anything above
// nothing is seen.
func length(share float64) string {
	eighths := int(max(share, 0)*bars*8 + 0.5)
	if share > 0 {
		eighths = max(eighths, 1)
	}
	s := strings.Repeat("█", eighths/8)
	if part := eighths % 8; part > 0 {
		s += string([]rune(" ▏▎▍▌▋▊▉")[part])
	}
	return s
}

// step draws a share of the highest day in one column; a dot is a closed one.
func step(share float64) rune {
	if share <= 0 {
		return '·'
	}
	return []rune("▁▂▃▄▅▆▇█")[min(int(share*8), 7)]
}

// columns is how wide text is in a terminal. It goes by single code points, so that what is
// drawn as one, such as a family of four, counts for more than it takes and never for less;
// runewidth's own StringWidth knows those, by tables of 32 KB that a function has no room for.
func columns(s string) (n int) {
	for _, r := range s {
		n += terminal.RuneWidth(r)
	}
	return n
}

// cut shortens text to so many columns, the tail included.
func cut(s string, width int, tail string) string {
	if columns(s) <= width {
		return s
	}
	n := columns(tail)
	for i, r := range s {
		if n += terminal.RuneWidth(r); n > width {
			return s[:i] + tail
		}
	}
	return s
}
