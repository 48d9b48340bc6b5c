package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"cafe/api/forms"
	"cafe/model"
	"cafe/model/pricing"
)

// pricingRequest is the pricing document in a request. Unlike pricing.Document it
// distinguishes a tax that is not inclusive from one that does not say.
type pricingRequest struct {
	Rounding pricing.Rounding `json:"rounding"`
	Taxes    []taxRequest     `json:"taxes"`
	Charges  []pricing.Charge `json:"charges"`
	Offers   []pricing.Offer  `json:"offers"`
}

type taxRequest struct {
	ID        string            `json:"id"`
	Name      string            `json:"name"`
	Rate      string            `json:"rate"`
	Inclusive optional[bool]    `json:"inclusive"`
	Applies   []pricing.Applies `json:"applies"`
}

func (s *server) getPricing(c *gin.Context) error {
	t, err := s.cafe.Tariff(c.Request.Context())
	if err != nil {
		return err
	}
	if t == nil {
		return model.ErrNotFound
	}
	return answerTagged(c, http.StatusOK, etag(t.Version()), t.Document())
}

func (s *server) putPricing(c *gin.Context) error {
	var r pricingRequest
	var faults model.Invalid
	if err := decode(c, &faults, &r); err != nil {
		return err
	}
	d := pricing.Document{Rounding: r.Rounding, Charges: r.Charges, Offers: r.Offers}
	for i, t := range r.Taxes {
		d.Taxes = append(d.Taxes, pricing.Tax{
			ID: t.ID, Name: t.Name, Rate: t.Rate, Applies: t.Applies,
			Inclusive: t.Inclusive.need(&faults, "/taxes/"+strconv.Itoa(i)+"/inclusive"),
		})
	}
	if err := faults.Err(); err != nil {
		return err
	}
	t, created, err := s.cafe.SetPricing(c.Request.Context(), d, matchVersion(c.Request))
	if err != nil {
		return err
	}
	return answerTagged(c, createdOr(created), etag(t.Version()), t.Document())
}

type discountRequest struct {
	Name    optional[string]  `json:"name"`
	Percent optional[string]  `json:"percent"`
	Amount  optional[int64]   `json:"amount"`
	Lines   optional[[]int64] `json:"lines"`
}

func draftDiscounts(faults *model.Invalid, asked []discountRequest) []model.DraftDiscount {
	var discounts []model.DraftDiscount
	for i, r := range asked {
		at := "/discounts/" + strconv.Itoa(i)
		d := model.DraftDiscount{Name: r.Name.need(faults, at+"/name"), Amount: model.Money(r.Amount.or(faults, at+"/amount", 0))}
		if text := r.Percent.or(faults, at+"/percent", "0"); !r.Percent.Null {
			var err error
			if d.Percent, err = model.ParseRate(text); err != nil {
				faults.Add(at+"/percent", "must be a percentage such as 8.875, with up to 4 decimals")
			}
		}
		for _, line := range r.Lines.or(faults, at+"/lines", nil) {
			d.Lines = append(d.Lines, int(line))
		}
		if d.Lines == nil && r.Lines.Given {
			d.Lines = []int{}
		}
		discounts = append(discounts, d)
	}
	return discounts
}

func (s *server) quoteOrder(c *gin.Context) error {
	draft, err := s.draftOf(c)
	if err != nil {
		return err
	}
	quoted, err := s.cafe.Quote(c.Request.Context(), caller(c), draft)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, forms.OfQuote(quoted.Draft, quoted.Bill, s.cafe.Currency, quoted.Text, quoted.Expires))
}

// quoteKey derives the key of quotes from that of cursors, so that a café has one secret to
// keep and neither signature passes for the other.
func quoteKey(cursorKey []byte) []byte {
	mac := hmac.New(sha256.New, cursorKey)
	mac.Write([]byte("quotes"))
	return mac.Sum(nil)
}
