package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"

	"cafe/internal/cafe"
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

type amountJSON struct {
	ID     *string     `json:"id"` // null: staff gave it
	Name   string      `json:"name"`
	Amount model.Money `json:"amount"`
}

type chargeJSON struct {
	ID     string      `json:"id"`
	Name   string      `json:"name"`
	Amount model.Money `json:"amount"`
	Taxes  []shareJSON `json:"taxes"`
}

type taxJSON struct {
	ID        string      `json:"id"`
	Name      string      `json:"name"`
	Rate      string      `json:"rate"`
	Inclusive bool        `json:"inclusive"`
	Net       model.Money `json:"net"`
	Amount    model.Money `json:"amount"`
}

type shareJSON struct {
	ID     string      `json:"id"`
	Amount model.Money `json:"amount"`
}

func discountsAnswer(discounts []model.Discount) []amountJSON {
	list := make([]amountJSON, len(discounts))
	for i, d := range discounts {
		list[i] = amountJSON{nil, d.Name, d.Amount}
		if d.ID != "" {
			list[i].ID = &d.ID
		}
	}
	return list
}

func chargesAnswer(charges []model.Charge) []chargeJSON {
	list := make([]chargeJSON, len(charges))
	for i, c := range charges {
		list[i] = chargeJSON{c.ID, c.Name, c.Amount, sharesAnswer(c.Taxes)}
	}
	return list
}

func taxesAnswer(taxes []model.Tax) []taxJSON {
	list := make([]taxJSON, len(taxes))
	for i, t := range taxes {
		list[i] = taxJSON{t.ID, t.Name, t.Rate.String(), t.Inclusive, t.Net, t.Amount}
	}
	return list
}

func sharesAnswer(shares []model.TaxShare) []shareJSON {
	list := make([]shareJSON, len(shares))
	for i, s := range shares {
		list[i] = shareJSON(s)
	}
	return list
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

type quoteJSON struct {
	CustomerID string             `json:"customer_id"`
	Payment    model.PaymentTerms `json:"payment"`
	Dining     model.Dining       `json:"dining"`
	Codes      []string           `json:"codes"`
	Lines      []lineJSON         `json:"lines"`
	Note       string             `json:"note"`
	PickupAt   *string            `json:"pickup_at"`
	Subtotal   model.Money        `json:"subtotal"`
	Discounts  []amountJSON       `json:"discounts"`
	Charges    []chargeJSON       `json:"charges"`
	Taxes      []taxJSON          `json:"taxes"`
	Tip        model.Money        `json:"tip"`
	Total      model.Money        `json:"total"`
	Currency   string             `json:"currency"`
	Quote      string             `json:"quote"`
	ExpiresAt  string             `json:"expires_at"`
}

func (s *server) quoteAnswer(q cafe.Quoted) quoteJSON {
	r := q.Bill.Reckoning
	return quoteJSON{
		CustomerID: q.Draft.CustomerID, Payment: q.Draft.Payment, Dining: q.Bill.Dining, Codes: q.Bill.Codes,
		Lines: linesAnswer(q.Bill.Lines), Note: q.Draft.Note, PickupAt: optionalTime(q.Draft.PickupAt),
		Subtotal: r.Subtotal, Discounts: discountsAnswer(r.Discounts), Charges: chargesAnswer(r.Charges), Taxes: taxesAnswer(r.Taxes),
		Tip: r.Tip, Total: q.Bill.Total, Currency: s.cafe.Currency, Quote: q.Text, ExpiresAt: model.Timestamp(q.Expires),
	}
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
	return answer(c, http.StatusOK, s.quoteAnswer(quoted))
}

// quoteKey derives the key of quotes from that of cursors, so that a café has one secret to
// keep and neither signature passes for the other.
func quoteKey(cursorKey []byte) []byte {
	mac := hmac.New(sha256.New, cursorKey)
	mac.Write([]byte("quotes"))
	return mac.Sum(nil)
}
