package api

import (
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"cafe/api/forms"
	"cafe/model"
)

type paymentRequest struct {
	Method    optional[string] `json:"method"`
	Amount    optional[int64]  `json:"amount" must:"a whole number from 0 to 1000000000000"`
	Tip       optional[int64]  `json:"tip" must:"a whole number from 0 to 1000000000000"`
	Reference optional[string] `json:"reference"`
}

// draft returns the request as a draft. The names of its fields begin with at.
func (r paymentRequest) draft(faults *model.Invalid, at string) model.DraftPayment {
	return model.DraftPayment{
		Method: model.Method(r.Method.need(faults, at+"/method")), Amount: model.Money(r.Amount.need(faults, at+"/amount")),
		Tip: model.Money(r.Tip.or(faults, at+"/tip", 0)), Reference: r.Reference.or(faults, at+"/reference", ""),
	}
}

func draftPayments(faults *model.Invalid, asked []paymentRequest) []model.DraftPayment {
	payments := make([]model.DraftPayment, len(asked))
	for i, r := range asked {
		payments[i] = r.draft(faults, "/payments/"+strconv.Itoa(i))
	}
	return payments
}

func (s *server) payOrder(c *gin.Context) error {
	id, key, err := orderAndKey(c)
	if err != nil {
		return err
	}
	var r paymentRequest
	var faults model.Invalid
	if err := decode(c, &faults, &r); err != nil {
		return err
	}
	if draft := r.draft(&faults, ""); len(faults) > 0 {
		return faults.With(draft.Validate())
	}
	order, paid, replayed, err := s.cafe.PayOrder(c.Request.Context(), caller(c), id, r.draft(&faults, ""), key)
	if err != nil {
		return err
	}
	replay(c, replayed)
	return answer(c, http.StatusCreated, struct {
		OrderID string `json:"order_id"`
		forms.Payment
		Due model.Money `json:"due"` // still, of the order
	}{order.ID, forms.OfPayment(paid), order.Due()})
}

func (s *server) refundOrder(c *gin.Context) error {
	id, key, err := orderAndKey(c)
	if err != nil {
		return err
	}
	var r struct {
		Lines optional[[]struct {
			Line     optional[int64] `json:"line" must:"the place of a line, from 0"`
			Quantity optional[int64] `json:"quantity"`
		}] `json:"lines"`
		Amount  optional[int64]  `json:"amount" must:"a whole number from 1 to 1000000000000"`
		Reason  optional[string] `json:"reason"`
		Method  optional[string] `json:"method"`
		Restock optional[bool]   `json:"restock"`
	}
	var faults model.Invalid
	if err := decode(c, &faults, &r); err != nil {
		return err
	}
	draft := model.DraftRefund{
		Amount: model.Money(r.Amount.or(&faults, "/amount", 0)), Reason: r.Reason.need(&faults, "/reason"),
		Method: model.Method(r.Method.or(&faults, "/method", "")), Restock: r.Restock.or(&faults, "/restock", false),
	}
	if lines := r.Lines.or(&faults, "/lines", nil); r.Lines.Given {
		draft.Lines = make([]model.RefundLine, len(lines))
		for i, l := range lines {
			at := "/lines/" + strconv.Itoa(i)
			draft.Lines[i] = model.RefundLine{Line: int(l.Line.need(&faults, at+"/line")), Quantity: l.Quantity.need(&faults, at+"/quantity")}
		}
	}
	if r.Amount.Given && !r.Amount.Null && r.Amount.Value == 0 {
		faults.Add("/amount", "must be above 0, or be left out for all that is left")
	}
	if r.Method.Given && !r.Method.Null && r.Method.Value == "" {
		faults.Add("/method", "must be cash, card, voucher, other or account")
	}
	if len(faults) > 0 {
		return faults.With(draft.Validate())
	}
	order, made, replayed, err := s.cafe.Refund(c.Request.Context(), caller(c), id, draft, key)
	if err != nil {
		return err
	}
	replay(c, replayed)
	return answer(c, http.StatusCreated, struct {
		OrderID string `json:"order_id"`
		forms.Refund
	}{order.ID, forms.OfRefund(made)})
}

func orderAndKey(c *gin.Context) (id, key string, err error) {
	if id, err = pathID(c, "id"); err == nil {
		key, err = idempotencyKey(c.Request)
	}
	return id, key, err
}

func (s *server) getHistory(c *gin.Context) error {
	id, err := pathID(c, "id")
	if err != nil {
		return err
	}
	order, err := s.cafe.Order(c.Request.Context(), caller(c), id)
	if err != nil {
		return err
	}
	return answerTagged(c, http.StatusOK, etag(order.Version), struct {
		History []forms.Step `json:"history"`
	}{forms.OfHistory(order, caller(c).Role)})
}
