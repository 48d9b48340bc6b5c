package api

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"cafe/api/forms"
	"cafe/internal/cafe"
	"cafe/internal/metric"
	"cafe/internal/records"
	"cafe/model"
	"cafe/model/books"
)

type lineRequest struct {
	SKU      optional[string]   `json:"sku"`
	Quantity optional[int64]    `json:"quantity" must:"a whole number from 1 to 100"`
	Options  optional[[]string] `json:"options"`
	Note     optional[string]   `json:"note"`
}

func draftLines(faults *model.Invalid, asked []lineRequest) []model.DraftLine {
	lines := make([]model.DraftLine, len(asked))
	for i, l := range asked {
		at := "" // where nothing is wrong, nothing asks
		if !l.SKU.Given || l.SKU.Null || !l.Quantity.Given || l.Quantity.Null || l.Options.Null || l.Note.Null {
			at = "/lines/" + strconv.Itoa(i)
		}
		lines[i] = model.DraftLine{
			SKU: l.SKU.need(faults, at+"/sku"), Quantity: l.Quantity.need(faults, at+"/quantity"),
			Options: l.Options.or(faults, at+"/options", nil), Note: l.Note.or(faults, at+"/note", ""),
		}
	}
	return lines
}

// draftOf decodes the request for an order or a quote.
func (s *server) draftOf(c *gin.Context) (model.Draft, error) {
	var r struct {
		CustomerID optional[string]            `json:"customer_id"`
		Payment    optional[string]            `json:"payment"`
		Lines      optional[[]lineRequest]     `json:"lines"`
		Note       optional[string]            `json:"note"`
		PickupAt   optional[string]            `json:"pickup_at"`
		Dining     optional[string]            `json:"dining"`
		Codes      optional[[]string]          `json:"codes"`
		Discounts  optional[[]discountRequest] `json:"discounts"`
		Tip        optional[int64]             `json:"tip" must:"a whole number from 0 to 1000000000000"`
		Quote      optional[string]            `json:"quote"`
		Payments   optional[[]paymentRequest]  `json:"payments"`
	}
	var faults model.Invalid
	if err := decode(c, &faults, &r); err != nil {
		return model.Draft{}, err
	}
	draft := model.Draft{
		CustomerID: r.CustomerID.or(&faults, "/customer_id", ""),
		Payment:    model.PaymentTerms(r.Payment.or(&faults, "/payment", "")),
		Lines:      draftLines(&faults, r.Lines.need(&faults, "/lines")),
		Note:       r.Note.or(&faults, "/note", ""),
		Dining:     model.Dining(r.Dining.or(&faults, "/dining", "")),
		Codes:      r.Codes.or(&faults, "/codes", nil),
		Discounts:  draftDiscounts(&faults, r.Discounts.or(&faults, "/discounts", nil)),
		Tip:        model.Money(r.Tip.or(&faults, "/tip", 0)),
		Quote:      r.Quote.or(&faults, "/quote", ""),
		Payments:   draftPayments(&faults, r.Payments.or(&faults, "/payments", nil)),
	}
	empty := func(o optional[string], field, message string) {
		if o.Given && !o.Null && o.Value == "" {
			faults.Add(field, message)
		}
	}
	empty(r.CustomerID, "/customer_id", "must not be empty")
	empty(r.Payment, "/payment", "must be account, counter or open")
	empty(r.Dining, "/dining", "must be eat_in or takeaway")
	empty(r.Quote, "/quote", badQuote)
	if r.PickupAt.Given && !r.PickupAt.Null {
		draft.PickupAt = timestamp(&faults, "/pickup_at", r.PickupAt.Value)
	}
	if len(faults) > 0 {
		return draft, faults.With(s.cafe.CheckDraft(caller(c), draft))
	}
	return draft, nil
}

func (s *server) placeOrder(c *gin.Context) error {
	key, err := idempotencyKey(c.Request)
	if err != nil {
		return err
	}
	draft, err := s.draftOf(c)
	if err != nil {
		return err
	}
	order, replayed, err := s.cafe.Place(c.Request.Context(), caller(c), draft, key)
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
	return answerTagged(c, http.StatusCreated, etag(order.Version), forms.OfOrder(order))
}

// replay marks the answer as that of an earlier request with the same key.
func replay(c *gin.Context, replayed bool) {
	if replayed {
		c.Header("Idempotent-Replayed", "true")
	}
}

func (s *server) getOrder(c *gin.Context) error {
	id, err := pathID(c, "id")
	if err != nil {
		return err
	}
	order, err := s.cafe.Order(c.Request.Context(), caller(c), id)
	if err != nil {
		return err
	}
	return answerTagged(c, http.StatusOK, etag(order.Version), forms.OfOrder(order))
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
	var faults []fieldFault
	if q.Has("customer_id") && !model.ValidID(f.CustomerID) {
		faults = append(faults, fieldFault{"customer_id", "must be 1 to 64 characters of A–Z, a–z, 0–9, _ and -"})
	}
	if q.Has("status") {
		for name := range strings.SplitSeq(q.Get("status"), ",") {
			f.Statuses = append(f.Statuses, model.Status(name))
		}
		if slices.ContainsFunc(f.Statuses, func(s model.Status) bool { return !s.Valid() }) {
			faults = append(faults, fieldFault{"status", "must be one or more of placed, preparing, ready, collected, cancelled and refunded, separated by commas"})
		}
	}
	if f.Due = q.Has("due"); f.Due && q.Get("due") != "true" {
		faults = append(faults, fieldFault{"due", "must be true, or be left out"})
	}
	switch q.Get("sort") {
	case "oldest":
		f.OldestFirst = true
	case "newest":
	default:
		if q.Has("sort") {
			faults = append(faults, fieldFault{"sort", "must be newest or oldest"})
		}
	}
	if q.Has("day") {
		if f.Day, err = model.ParseDay(q.Get("day")); err != nil {
			faults = append(faults, fieldFault{"day", "must be a date such as 2017-03-18"})
		}
	}
	if len(faults) > 0 {
		return malformed("A query parameter is not valid.", faults...)
	}
	orders, next, err := s.cafe.Orders(c.Request.Context(), caller(c), f, l.from, l.limit)
	if err != nil {
		return err
	}
	if as == formCSV {
		return answerCSV(c, "orders", books.OrdersCSV(orders), s.cursors.seal(l.binding, next))
	}
	a := struct {
		Orders     []forms.Order `json:"orders"`
		NextCursor string        `json:"next_cursor,omitempty"`
	}{make([]forms.Order, len(orders)), s.cursors.seal(l.binding, next)}
	for i, o := range orders {
		a.Orders[i] = forms.OfOrder(o)
	}
	return answerList(c, a)
}

func (s *server) amendOrder(c *gin.Context) error {
	id, err := pathID(c, "id")
	if err != nil {
		return err
	}
	var r struct {
		Lines    optional[[]lineRequest] `json:"lines"`
		Note     optional[string]        `json:"note"`
		PickupAt optional[string]        `json:"pickup_at"`
	}
	var faults model.Invalid
	if err := decode(c, &faults, &r, "application/merge-patch+json"); err != nil {
		return err
	}
	// This is a JSON Merge Patch (RFC 7396): null removes a member. Lines cannot be removed.
	var a cafe.Amendment
	if r.Lines.Given {
		a.Lines = draftLines(&faults, r.Lines.need(&faults, "/lines"))
	}
	if r.Note.Given {
		a.Note = &r.Note.Value
	}
	if r.PickupAt.Given {
		a.PickupAt = new(time.Time)
		if !r.PickupAt.Null {
			*a.PickupAt = timestamp(&faults, "/pickup_at", r.PickupAt.Value)
		}
	}
	if len(faults) > 0 {
		return faults.With(a.Check())
	}
	var match records.Match
	if len(c.Request.Header.Values("If-Match")) > 0 {
		match = matchVersion(c.Request)
	}
	order, err := s.cafe.Amend(c.Request.Context(), caller(c), id, a, match)
	if err != nil {
		return err
	}
	return answerTagged(c, http.StatusOK, etag(order.Version), forms.OfOrder(order))
}

func (s *server) advanceOrder(c *gin.Context) error {
	id, err := pathID(c, "id")
	if err != nil {
		return err
	}
	var r struct {
		Status optional[string] `json:"status"`
		Reason optional[string] `json:"reason"`
		Unpaid optional[bool]   `json:"unpaid"`
	}
	var faults model.Invalid
	if err := decode(c, &faults, &r); err != nil {
		return err
	}
	move := cafe.Move{
		To:     model.Status(r.Status.need(&faults, "/status")),
		Reason: r.Reason.or(&faults, "/reason", ""), Unpaid: r.Unpaid.or(&faults, "/unpaid", false),
	}
	if len(faults) > 0 {
		return faults.With(move.Check())
	}
	order, err := s.cafe.Advance(c.Request.Context(), caller(c), id, move, matchVersion(c.Request))
	if err != nil {
		return err
	}
	return answerTagged(c, http.StatusOK, etag(order.Version), forms.OfOrder(order))
}

func (s *server) deleteOrder(c *gin.Context) error {
	id, err := pathID(c, "id")
	if err != nil {
		return err
	}
	if err := s.cafe.Remove(c.Request.Context(), caller(c), id, matchVersion(c.Request)); err != nil {
		return err
	}
	return noContent(c)
}
