package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"cafe/api/rest"

	"github.com/gin-gonic/gin"

	"cafe/api/forms"
	"cafe/internal/cafe"
	"cafe/internal/metric"
	"cafe/internal/records"
	"cafe/model"
	"cafe/model/books"
)

type lineRequest struct {
	SKU      rest.Optional[string]   `json:"sku"`
	Quantity rest.Optional[int64]    `json:"quantity" must:"a whole number from 1 to 100"`
	Options  rest.Optional[[]string] `json:"options"`
	Note     rest.Optional[string]   `json:"note"`
}

func draftLines(faults *model.Invalid, asked []lineRequest) []model.DraftLine {
	lines := make([]model.DraftLine, len(asked))
	for i, l := range asked {
		at := "" // where nothing is wrong, nothing asks
		if !l.SKU.Given || l.SKU.Null || !l.Quantity.Given || l.Quantity.Null || l.Options.Null || l.Note.Null {
			at = "/lines/" + strconv.Itoa(i)
		}
		lines[i] = model.DraftLine{
			SKU: l.SKU.Need(faults, at+"/sku"), Quantity: l.Quantity.Need(faults, at+"/quantity"),
			Options: l.Options.Or(faults, at+"/options", nil), Note: l.Note.Or(faults, at+"/note", ""),
		}
	}
	return lines
}

// draftOf decodes the request for an order or a quote.
func (s *server) draftOf(c *gin.Context) (model.Draft, error) {
	var r struct {
		CustomerID rest.Optional[string]            `json:"customer_id"`
		Payment    rest.Optional[string]            `json:"payment"`
		Lines      rest.Optional[[]lineRequest]     `json:"lines"`
		Note       rest.Optional[string]            `json:"note"`
		PickupAt   rest.Optional[string]            `json:"pickup_at"`
		Dining     rest.Optional[string]            `json:"dining"`
		Codes      rest.Optional[[]string]          `json:"codes"`
		Discounts  rest.Optional[[]discountRequest] `json:"discounts"`
		Tip        rest.Optional[int64]             `json:"tip" must:"a whole number from 0 to 1000000000000"`
		Quote      rest.Optional[string]            `json:"quote"`
		Payments   rest.Optional[[]paymentRequest]  `json:"payments"`
	}
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r); err != nil {
		return model.Draft{}, err
	}
	draft := model.Draft{
		CustomerID: r.CustomerID.Or(&faults, "/customer_id", ""),
		Payment:    model.PaymentTerms(r.Payment.Or(&faults, "/payment", "")),
		Lines:      draftLines(&faults, r.Lines.Need(&faults, "/lines")),
		Note:       r.Note.Or(&faults, "/note", ""),
		Dining:     model.Dining(r.Dining.Or(&faults, "/dining", "")),
		Codes:      r.Codes.Or(&faults, "/codes", nil),
		Discounts:  draftDiscounts(&faults, r.Discounts.Or(&faults, "/discounts", nil)),
		Tip:        model.Money(r.Tip.Or(&faults, "/tip", 0)),
		Quote:      r.Quote.Or(&faults, "/quote", ""),
		Payments:   draftPayments(&faults, r.Payments.Or(&faults, "/payments", nil)),
	}
	empty := func(o rest.Optional[string], field, message string) {
		if o.Given && !o.Null && o.Value == "" {
			faults.Add(field, message)
		}
	}
	empty(r.CustomerID, "/customer_id", "must not be empty")
	empty(r.Payment, "/payment", "must be account, counter or open")
	empty(r.Dining, "/dining", "must be eat_in or takeaway")
	empty(r.Quote, "/quote", rest.BadQuote)
	if r.PickupAt.Given && !r.PickupAt.Null {
		draft.PickupAt = rest.Timestamp(&faults, "/pickup_at", r.PickupAt.Value)
	}
	if len(faults) > 0 {
		return draft, faults.With(s.cafe.CheckDraft(rest.Caller(c), draft))
	}
	return draft, nil
}

func (s *server) placeOrder(c *gin.Context) error {
	key, err := rest.IdempotencyKey(c.Request)
	if err != nil {
		return err
	}
	draft, err := s.draftOf(c)
	if err != nil {
		return err
	}
	order, replayed, err := s.cafe.Place(c.Request.Context(), rest.Caller(c), draft, key)
	if err != nil {
		return err
	}
	if !replayed {
		metric.Emit([]metric.Figure{
			{Name: "Orders", Value: 1, Unit: metric.Count},
			{Name: "Revenue", Value: int64(order.Total - order.Reckoning.Tip), Unit: metric.None},
			{Name: "Net", Value: int64(order.Reckoning.Net()), Unit: metric.None},
		})
	}
	replay(c, replayed)
	c.Header("Location", "/orders/"+order.ID)
	return rest.AnswerTagged(c, http.StatusCreated, rest.ETag(order.Version), forms.OfOrder(order))
}

// replay marks the answer as that of an earlier request with the same key.
func replay(c *gin.Context, replayed bool) {
	if replayed {
		c.Header("Idempotent-Replayed", "true")
	}
}

func (s *server) getOrder(c *gin.Context) error {
	id, err := rest.PathID(c, "id")
	if err != nil {
		return err
	}
	order, err := s.cafe.Order(c.Request.Context(), rest.Caller(c), id)
	if err != nil {
		return err
	}
	return rest.AnswerTagged(c, http.StatusOK, rest.ETag(order.Version), forms.OfOrder(order))
}

func (s *server) listOrders(c *gin.Context) error {
	as, err := form(c, formCSV)
	if err != nil {
		return err
	}
	l, err := s.list(c)
	if err != nil {
		return err
	}
	q := c.Request.URL.Query()
	f := cafe.Filter{CustomerID: q.Get("customer_id")}
	var faults []rest.Fault
	if q.Has("customer_id") && !model.ValidID(f.CustomerID) {
		faults = append(faults, rest.Fault{Field: "customer_id", Message: "must be 1 to 64 characters of A–Z, a–z, 0–9, _ and -"})
	}
	if q.Has("status") {
		for name := range strings.SplitSeq(q.Get("status"), ",") {
			f.Statuses = append(f.Statuses, model.Status(name))
		}
		if slices.ContainsFunc(f.Statuses, func(s model.Status) bool { return !s.Valid() }) {
			faults = append(faults, rest.Fault{Field: "status", Message: "must be one or more of placed, preparing, ready, collected, cancelled and refunded, separated by commas"})
		}
	}
	if f.Due = q.Has("due"); f.Due && q.Get("due") != "true" {
		faults = append(faults, rest.Fault{Field: "due", Message: "must be true, or be left out"})
	}
	switch q.Get("sort") {
	case "oldest":
		f.OldestFirst = true
	case "newest":
	default:
		if q.Has("sort") {
			faults = append(faults, rest.Fault{Field: "sort", Message: "must be newest or oldest"})
		}
	}
	if q.Has("day") {
		if f.Day, err = model.ParseDay(q.Get("day")); err != nil {
			faults = append(faults, rest.Fault{Field: "day", Message: "must be a date such as 2017-03-18"})
		}
	}
	if len(faults) > 0 {
		return rest.Malformed("A query parameter is not valid.", faults...)
	}
	orders, next, err := s.cafe.Orders(c.Request.Context(), rest.Caller(c), f, l.from, l.limit)
	if err != nil {
		return err
	}
	if as == formCSV {
		return answerCSV(c, "orders", books.OrdersCSV(orders), s.cursors.Seal(l.binding, next))
	}
	a := struct {
		Orders     []forms.Order `json:"orders"`
		NextCursor string        `json:"next_cursor,omitempty"`
	}{make([]forms.Order, len(orders)), s.cursors.Seal(l.binding, next)}
	for i, o := range orders {
		a.Orders[i] = forms.OfOrder(o)
	}
	return rest.AnswerList(c, a)
}

func (s *server) amendOrder(c *gin.Context) error {
	id, err := rest.PathID(c, "id")
	if err != nil {
		return err
	}
	var r struct {
		Lines    rest.Optional[[]lineRequest] `json:"lines"`
		Note     rest.Optional[string]        `json:"note"`
		PickupAt rest.Optional[string]        `json:"pickup_at"`
	}
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r, "application/merge-patch+json"); err != nil {
		return err
	}
	// This is a JSON Merge Patch (RFC 7396): null removes a member. Lines cannot be removed.
	var a cafe.Amendment
	if r.Lines.Given {
		a.Lines = draftLines(&faults, r.Lines.Need(&faults, "/lines"))
	}
	if r.Note.Given {
		a.Note = &r.Note.Value
	}
	if r.PickupAt.Given {
		a.PickupAt = new(time.Time)
		if !r.PickupAt.Null {
			*a.PickupAt = rest.Timestamp(&faults, "/pickup_at", r.PickupAt.Value)
		}
	}
	if len(faults) > 0 {
		return faults.With(a.Check())
	}
	var match records.Match
	if len(c.Request.Header.Values("If-Match")) > 0 {
		match = rest.MatchVersion(c.Request)
	}
	order, err := s.cafe.Amend(c.Request.Context(), rest.Caller(c), id, a, match)
	if err != nil {
		return err
	}
	return rest.AnswerTagged(c, http.StatusOK, rest.ETag(order.Version), forms.OfOrder(order))
}

func (s *server) advanceOrder(c *gin.Context) error {
	id, err := rest.PathID(c, "id")
	if err != nil {
		return err
	}
	var r struct {
		Status rest.Optional[string] `json:"status"`
		Reason rest.Optional[string] `json:"reason"`
		Unpaid rest.Optional[bool]   `json:"unpaid"`
	}
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r); err != nil {
		return err
	}
	move := cafe.Move{
		To:     model.Status(r.Status.Need(&faults, "/status")),
		Reason: r.Reason.Or(&faults, "/reason", ""), Unpaid: r.Unpaid.Or(&faults, "/unpaid", false),
	}
	if len(faults) > 0 {
		return faults.With(move.Check())
	}
	order, err := s.cafe.Advance(c.Request.Context(), rest.Caller(c), id, move, rest.MatchVersion(c.Request))
	if err != nil {
		return err
	}
	return rest.AnswerTagged(c, http.StatusOK, rest.ETag(order.Version), forms.OfOrder(order))
}

func (s *server) deleteOrder(c *gin.Context) error {
	id, err := rest.PathID(c, "id")
	if err != nil {
		return err
	}
	if err := s.cafe.Remove(c.Request.Context(), rest.Caller(c), id, rest.MatchVersion(c.Request)); err != nil {
		return err
	}
	return rest.NoContent(c)
}
