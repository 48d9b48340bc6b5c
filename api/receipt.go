package api

import (
	"net/http"

	"cafe/api/rest"

	"github.com/gin-gonic/gin"

	"cafe/api/forms"
	"cafe/api/header"
	"cafe/internal/render"
)

// getReceipt answers with the receipt of an order, in the media type that the caller prefers.
func (s *server) getReceipt(c *gin.Context) error {
	c.Writer.Header().Add("Vary", "Accept")
	form := header.Preferred(c.Request.Header.Values("Accept"), formJSON, formHTML, formText)
	if form == "" {
		return rest.NewProblem("not-acceptable", "A receipt is available as application/json, text/html or text/plain.")
	}
	id, err := rest.PathID(c, "id")
	if err != nil {
		return err
	}
	order, err := s.cafe.Order(c.Request.Context(), rest.Caller(c), id)
	if err != nil {
		return err
	}
	seller := render.Seller{Cafe: render.Cafe{Name: s.cafe.Name, Zone: s.cafe.Calendar.Zone}, TaxNumber: s.cafe.TaxNumber}
	switch form {
	case formHTML:
		c.Header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		c.Data(http.StatusOK, formHTML+"; charset=utf-8", render.ReceiptHTML(order, seller))
	case formText:
		c.Data(http.StatusOK, formText+"; charset=utf-8", []byte(render.ReceiptText(order, seller)))
	default:
		return rest.Answer(c, http.StatusOK, forms.Receipt{
			Seller: seller.Name, TaxNumber: seller.TaxNumber, SoldAt: order.PlacedAt.In(seller.Zone).Format("2006-01-02T15:04:05Z07:00"), Order: forms.OfOrder(order),
		})
	}
	return nil
}
