package api

import (
	"net/http"
	"net/url"
	"strconv"

	"cafe/api/rest"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json/jsontext"

	"cafe/api/header"
	"cafe/internal/closing"
	"cafe/model"
	"cafe/model/books"
)

const formCSV = "text/csv"

// closeDay closes a business day: 201, or 200 when it is closed already with the same count.
func (s *server) closeDay(c *gin.Context) error {
	if rest.Caller(c).Role != model.RoleOwner && !s.staffClose {
		return model.ErrForbidden
	}
	day, err := s.pathDay(c)
	if err != nil {
		return err
	}
	type count struct {
		Cash    rest.Optional[int64] `json:"cash" must:"a whole number from 0 to 1000000000000"`
		Card    rest.Optional[int64] `json:"card" must:"a whole number from 0 to 1000000000000"`
		Voucher rest.Optional[int64] `json:"voucher" must:"a whole number from 0 to 1000000000000"`
		Other   rest.Optional[int64] `json:"other" must:"a whole number from 0 to 1000000000000"`
	}
	var r struct {
		Float   rest.Optional[int64] `json:"float" must:"a whole number from 0 to 1000000000000"`
		Counted rest.Optional[count] `json:"counted"`
		Early   rest.Optional[bool]  `json:"early"`
	}
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r); err != nil {
		return err
	}
	found := books.Count{Float: model.Money(r.Float.Or(&faults, "/float", 0)), Early: r.Early.Or(&faults, "/early", false), Counted: map[model.Method]model.Money{}}
	counted := r.Counted.Or(&faults, "/counted", count{})
	for i, amount := range []rest.Optional[int64]{counted.Cash, counted.Card, counted.Voucher, counted.Other} {
		method := model.Methods[i]
		if value := amount.Or(&faults, "/counted/"+string(method), 0); amount.Given && !amount.Null {
			found.Counted[method] = model.Money(value)
		}
	}
	if len(faults) > 0 {
		return faults.With(found.Validate())
	}
	stored, again, err := s.books.Close(c.Request.Context(), rest.Caller(c).ID, day, found)
	if err != nil {
		return err
	}
	replay(c, again)
	c.Header("Location", "/days/"+string(day))
	return answerDay(c, createdOr(!again), closing.Day{Close: stored.Close, Text: stored.Text})
}

func answerDay(c *gin.Context, status int, d closing.Day) error {
	text, err := d.JSON()
	if err != nil {
		return err
	}
	c.Data(status, formJSON, text)
	return nil
}

func (s *server) getDay(c *gin.Context) error {
	day, err := s.pathDay(c)
	if err != nil {
		return err
	}
	d, err := s.books.Day(c.Request.Context(), day)
	if err != nil {
		return err
	}
	return answerDay(c, http.StatusOK, d)
}

// form returns the form that the caller prefers, JSON or one of the others.
func form(c *gin.Context, others ...string) (string, error) {
	c.Writer.Header().Add("Vary", "Accept")
	best := header.Preferred(c.Request.Header.Values("Accept"), append([]string{formJSON}, others...)...)
	if best == "" {
		return "", rest.NewProblem("not-acceptable", "It is available in other forms than those that Accept admits.")
	}
	return best, nil
}

// span returns the days of the parameters from and to, both included. Without to it ends
// today; without from it has so many days.
func (s *server) span(q url.Values, days int) (from, to model.Day, err error) {
	var faults []rest.Fault
	to = s.books.Today()
	for _, end := range []struct {
		name string
		day  *model.Day
	}{{"to", &to}, {"from", &from}} {
		if !q.Has(end.name) {
			continue
		}
		if *end.day, err = model.ParseDay(q.Get(end.name)); err != nil || *end.day < "1970-01-01" {
			faults = append(faults, rest.Fault{Field: end.name, Message: "must be a date such as 2017-03-18"})
		}
	}
	switch {
	case len(faults) > 0:
	case from == "":
		from = max("1970-01-01", to.AddDays(1-days))
	case from > to:
		faults = append(faults, rest.Fault{Field: "from", Message: "must not be after to"})
	}
	if len(faults) > 0 {
		return from, to, rest.Malformed("A query parameter is not valid.", faults...)
	}
	return from, to, nil
}

func (s *server) listDays(c *gin.Context) error {
	as, err := form(c, formCSV)
	if err != nil {
		return err
	}
	l, err := s.list(c)
	if err != nil {
		return err
	}
	from, to, err := s.span(c.Request.URL.Query(), 31)
	if err != nil {
		return err
	}
	if l.from != "" {
		to = model.Day(l.from)
	}
	days, next, err := s.books.Days(c.Request.Context(), from, to, l.limit)
	if err != nil {
		return err
	}
	cursor := s.cursors.Seal(l.binding, string(next))
	if as == formCSV {
		closes := make([]books.Close, len(days))
		for i, d := range days {
			closes[i] = d.Close
		}
		return answerCSV(c, "days", books.DaysCSV(closes), cursor)
	}
	a := struct {
		Days       []jsontext.Value `json:"days"`
		NextCursor string           `json:"next_cursor,omitempty"`
	}{make([]jsontext.Value, len(days)), cursor}
	for i, d := range days {
		if d.Open {
			a.Days[i] = jsontext.Value(`{"status":"open","day":"` + string(d.Close.Day) + `"}`)
		} else if a.Days[i], err = d.JSON(); err != nil {
			return err
		}
	}
	return rest.AnswerList(c, a)
}

// answerCSV answers with a table. If there is more, Link has the address of the next part
// (RFC 8288).
func answerCSV(c *gin.Context, name string, text []byte, cursor string) error {
	if cursor != "" {
		q := c.Request.URL.Query()
		q.Set("cursor", cursor)
		c.Header("Link", "<"+c.Request.URL.EscapedPath()+"?"+q.Encode()+`>; rel="next"`)
	}
	c.Header("Content-Disposition", `attachment; filename="`+name+`.csv"`)
	if !rest.Unchanged(c, rest.TagOf(text)) {
		c.Data(http.StatusOK, formCSV+"; charset=utf-8", text)
	}
	return nil
}

func (s *server) getJournal(c *gin.Context) error {
	as, err := form(c, formCSV)
	if err != nil {
		return err
	}
	q := c.Request.URL.Query()
	preset := books.Preset(q.Get("preset"))
	if q.Has("preset") {
		as = formCSV
		if preset == books.PresetNone || !preset.Valid() {
			return rest.Malformed("A query parameter is not valid.", rest.Fault{Field: "preset", Message: "must be xero or quickbooks"})
		}
	}
	from, to, err := s.span(q, 31)
	if err != nil {
		return err
	}
	if to.Since(from) >= closing.MostJournal {
		return rest.Malformed("A query parameter is not valid.", rest.Fault{Field: "from", Message: "must be at most " + strconv.Itoa(closing.MostJournal-1) + " days before to"})
	}
	rows, err := s.books.Journal(c.Request.Context(), from, to)
	if err != nil {
		return err
	}
	if as == formCSV {
		return answerCSV(c, "journal-"+string(from)+"-"+string(to), books.JournalCSV(rows, preset, s.cafe.Currency), "")
	}
	return rest.AnswerList(c, struct {
		From     model.Day   `json:"from"`
		To       model.Day   `json:"to"`
		Currency string      `json:"currency"`
		Rows     []books.Row `json:"rows"`
	}{from, to, s.cafe.Currency, rows})
}

func (s *server) getStatement(c *gin.Context) error {
	as, err := form(c, formText, formHTML, formCSV)
	if err != nil {
		return err
	}
	id, err := rest.PathID(c, "id")
	if err != nil {
		return err
	}
	from, to, err := s.span(c.Request.URL.Query(), 31)
	if err != nil {
		return err
	}
	customer, err := s.cafe.Customer(c.Request.Context(), rest.Caller(c), id)
	if err != nil {
		return err
	}
	st, err := s.books.Statement(c.Request.Context(), customer, from, to)
	if err != nil {
		return err
	}
	var text []byte
	switch as {
	case formText:
		text = []byte(s.books.StatementText(st))
	case formHTML:
		c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		text = s.books.StatementPage(st)
	case formCSV:
		return answerCSV(c, "statement", books.StatementCSV(st), "")
	default:
		return rest.AnswerList(c, st)
	}
	if !rest.Unchanged(c, rest.TagOf(text)) {
		c.Data(http.StatusOK, as+"; charset=utf-8", text)
	}
	return nil
}
