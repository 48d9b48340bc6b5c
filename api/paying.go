package api

import (
	"net/http"
	"strconv"

	"cafe/api/rest"

	"github.com/gin-gonic/gin"

	"cafe/api/forms"
	"cafe/model"
)

type paymentRequest struct {
	Method    rest.Optional[string] `json:"method"`
	Amount    rest.Optional[int64]  `json:"amount" must:"a whole number from 0 to 1000000000000"`
	Tip       rest.Optional[int64]  `json:"tip" must:"a whole number from 0 to 1000000000000"`
	Reference rest.Optional[string] `json:"reference"`
}

// draft returns the request as a draft. The names of its fields begin with at.
func (r paymentRequest) draft(faults *model.Invalid, at string) model.DraftPayment {
	return model.DraftPayment{
		Method: model.Method(r.Method.Need(faults, at+"/method")), Amount: model.Money(r.Amount.Need(faults, at+"/amount")),
		Tip: model.Money(r.Tip.Or(faults, at+"/tip", 0)), Reference: r.Reference.Or(faults, at+"/reference", ""),
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
	if err := rest.Decode(c, &faults, &r); err != nil {
		return err
	}
	if draft := r.draft(&faults, ""); len(faults) > 0 {
		return faults.With(draft.Validate())
	}
	order, paid, replayed, err := s.cafe.PayOrder(c.Request.Context(), rest.Caller(c), id, r.draft(&faults, ""), key)
	if err != nil {
		return err
	}
	replay(c, replayed)
	return rest.Answer(c, http.StatusCreated, struct {
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
		Lines rest.Optional[[]struct {
			Line     rest.Optional[int64] `json:"line" must:"the place of a line, from 0"`
			Quantity rest.Optional[int64] `json:"quantity"`
		}] `json:"lines"`
		Amount  rest.Optional[int64]  `json:"amount" must:"a whole number from 1 to 1000000000000"`
		Reason  rest.Optional[string] `json:"reason"`
		Method  rest.Optional[string] `json:"method"`
		Restock rest.Optional[bool]   `json:"restock"`
	}
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r); err != nil {
		return err
	}
	draft := model.DraftRefund{
		Amount: model.Money(r.Amount.Or(&faults, "/amount", 0)), Reason: r.Reason.Need(&faults, "/reason"),
		Method: model.Method(r.Method.Or(&faults, "/method", "")), Restock: r.Restock.Or(&faults, "/restock", false),
	}
	if lines := r.Lines.Or(&faults, "/lines", nil); r.Lines.Given {
		draft.Lines = make([]model.RefundLine, len(lines))
		for i, l := range lines {
			at := "/lines/" + strconv.Itoa(i)
			draft.Lines[i] = model.RefundLine{Line: int(l.Line.Need(&faults, at+"/line")), Quantity: l.Quantity.Need(&faults, at+"/quantity")}
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
	order, made, replayed, err := s.cafe.Refund(c.Request.Context(), rest.Caller(c), id, draft, key)
	if err != nil {
		return err
	}
	replay(c, replayed)
	return rest.Answer(c, http.StatusCreated, struct {
		OrderID string `json:"order_id"`
		forms.Refund
	}{order.ID, forms.OfRefund(made)})
}

func orderAndKey(c *gin.Context) (id, key string, err error) {
	if id, err = rest.PathID(c, "id"); err == nil {
		key, err = rest.IdempotencyKey(c.Request)
	}
	return id, key, err
}

func (s *server) getHistory(c *gin.Context) error {
	id, err := rest.PathID(c, "id")
	if err != nil {
		return err
	}
	order, err := s.cafe.Order(c.Request.Context(), rest.Caller(c), id)
	if err != nil {
		return err
	}
	return rest.AnswerTagged(c, http.StatusOK, rest.ETag(order.Version), struct {
		History []forms.Step `json:"history"`
	}{forms.OfHistory(order, rest.Caller(c).Role)})
}
