package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"strconv"

	"cafe/api/rest"

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
	ID        string              `json:"id"`
	Name      string              `json:"name"`
	Rate      string              `json:"rate"`
	Inclusive rest.Optional[bool] `json:"inclusive"`
	Applies   []pricing.Applies   `json:"applies"`
}

func (s *server) getPricing(c *gin.Context) error {
	t, err := s.cafe.Tariff(c.Request.Context())
	if err != nil {
		return err
	}
	if t == nil {
		return model.ErrNotFound
	}
	return rest.AnswerTagged(c, http.StatusOK, rest.ETag(t.Version()), t.Document())
}

func (s *server) putPricing(c *gin.Context) error {
	var r pricingRequest
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r); err != nil {
		return err
	}
	d := pricing.Document{Rounding: r.Rounding, Charges: r.Charges, Offers: r.Offers}
	for i, t := range r.Taxes {
		d.Taxes = append(d.Taxes, pricing.Tax{
			ID: t.ID, Name: t.Name, Rate: t.Rate, Applies: t.Applies,
			Inclusive: t.Inclusive.Need(&faults, "/taxes/"+strconv.Itoa(i)+"/inclusive"),
		})
	}
	if err := faults.Err(); err != nil {
		return err
	}
	t, created, err := s.cafe.SetPricing(c.Request.Context(), d, rest.MatchVersion(c.Request))
	if err != nil {
		return err
	}
	return rest.AnswerTagged(c, createdOr(created), rest.ETag(t.Version()), t.Document())
}

type discountRequest struct {
	Name    rest.Optional[string]  `json:"name"`
	Percent rest.Optional[string]  `json:"percent"`
	Amount  rest.Optional[int64]   `json:"amount"`
	Lines   rest.Optional[[]int64] `json:"lines"`
}

func draftDiscounts(faults *model.Invalid, asked []discountRequest) []model.DraftDiscount {
	var discounts []model.DraftDiscount
	for i, r := range asked {
		at := "/discounts/" + strconv.Itoa(i)
		d := model.DraftDiscount{Name: r.Name.Need(faults, at+"/name"), Amount: model.Money(r.Amount.Or(faults, at+"/amount", 0))}
		if text := r.Percent.Or(faults, at+"/percent", "0"); !r.Percent.Null {
			var err error
			if d.Percent, err = model.ParseRate(text); err != nil {
				faults.Add(at+"/percent", "must be a percentage such as 8.875, with up to 4 decimals")
			}
		}
		for _, line := range r.Lines.Or(faults, at+"/lines", nil) {
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
	quoted, err := s.cafe.Quote(c.Request.Context(), rest.Caller(c), draft)
	if err != nil {
		return err
	}
	return rest.Answer(c, http.StatusOK, forms.OfQuote(quoted.Draft, quoted.Bill, s.cafe.Currency, quoted.Text, quoted.Expires))
}

// quoteKey derives the key of quotes from that of cursors, so that a café has one secret to
// keep and neither signature passes for the other.
func quoteKey(cursorKey []byte) []byte {
	mac := hmac.New(sha256.New, cursorKey)
	mac.Write([]byte("quotes"))
	return mac.Sum(nil)
}
