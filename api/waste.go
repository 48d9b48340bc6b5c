package api

import (
	"net/http"

	"cafe/api/rest"

	"github.com/gin-gonic/gin"

	"cafe/model"
)

type wasteJSON struct {
	ID          string    `json:"id"`
	SKU         string    `json:"sku"`
	Name        string    `json:"name"`
	Quantity    int64     `json:"quantity"`
	FromStock   int64     `json:"from_stock"`
	Reason      string    `json:"reason"`
	ToldAt      string    `json:"told_at"`
	BusinessDay model.Day `json:"business_day"`
}

func wasteAnswer(w model.Waste) wasteJSON {
	return wasteJSON{w.ID, w.SKU, w.Name, w.Quantity, w.FromStock, w.Reason, model.Timestamp(w.At), w.BusinessDay}
}

func (s *server) tellWaste(c *gin.Context) error {
	key, err := rest.IdempotencyKey(c.Request)
	if err != nil {
		return err
	}
	var r struct {
		SKU      rest.Optional[string] `json:"sku"`
		Quantity rest.Optional[int64]  `json:"quantity" must:"a whole number from 1 to 1000000"`
		Reason   rest.Optional[string] `json:"reason"`
	}
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r); err != nil {
		return err
	}
	draft := model.WasteDraft{SKU: r.SKU.Need(&faults, "/sku"), Quantity: r.Quantity.Need(&faults, "/quantity"), Reason: r.Reason.Or(&faults, "/reason", "")}
	if len(faults) > 0 {
		return faults.With(draft.Validate())
	}
	told, replayed, err := s.cafe.WriteOff(c.Request.Context(), rest.Caller(c), draft, key)
	if err != nil {
		return err
	}
	replay(c, replayed)
	return rest.Answer(c, http.StatusCreated, wasteAnswer(told))
}

func (s *server) listWaste(c *gin.Context) error {
	l, err := s.list(c)
	if err != nil {
		return err
	}
	var day model.Day
	if given := c.Request.URL.Query(); given.Has("day") {
		if day, err = model.ParseDay(given.Get("day")); err != nil {
			return rest.Malformed("A query parameter is not valid.", rest.Fault{Field: "day", Message: "must be a date such as 2017-03-18"})
		}
	}
	waste, next, err := s.cafe.Waste(c.Request.Context(), day, l.from, l.limit)
	if err != nil {
		return err
	}
	a := struct {
		Waste      []wasteJSON `json:"waste"`
		NextCursor string      `json:"next_cursor,omitempty"`
	}{make([]wasteJSON, len(waste)), s.cursors.Seal(l.binding, next)}
	for i, w := range waste {
		a.Waste[i] = wasteAnswer(w)
	}
	return rest.AnswerList(c, a)
}
