package api

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"

	"cafe/api/rest"
	"cafe/internal/cafe"

	"github.com/gin-gonic/gin"
	"github.com/go-json-experiment/json"

	"cafe/api/forms"
	"cafe/model"
	"cafe/model/till/parse"
)

type itemJSON struct {
	SKU      string         `json:"sku"`
	Name     string         `json:"name"`
	Category string         `json:"category"`
	TaxClass string         `json:"tax_class"`
	Price    model.Money    `json:"price"`
	Options  []forms.Option `json:"options"`
	Counted  bool           `json:"counted"`
	Active   bool           `json:"active"`

	// Only where the request says where the item is eaten.
	PriceWithTaxes *model.Money `json:"price_with_taxes,omitempty"`
	Taxes          []forms.Tax  `json:"taxes,omitempty"`
}

func itemAnswer(i model.Item) itemJSON {
	return itemJSON{
		SKU: i.SKU, Name: i.Name, Category: i.Category, TaxClass: cmp.Or(i.TaxClass, model.StandardClass), Price: i.Price,
		Options: forms.OfOptions(i.Options), Counted: i.Counted, Active: i.Active,
	}
}

// contentTag returns an entity tag that depends on the content, for a resource without a
// version.
func contentTag(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode answer: %w", err)
	}
	return rest.TagOf(b), nil
}

func (s *server) listMenu(c *gin.Context) error {
	l, err := s.list(c)
	if err != nil {
		return err
	}
	dining, err := diningParameter(c)
	if err != nil {
		return err
	}
	items, more, err := s.cafe.MenuPage(c.Request.Context(), l.from, l.limit)
	if err != nil {
		return err
	}
	tariff, err := s.cafe.Tariff(c.Request.Context())
	if err != nil {
		return err
	}
	a := struct {
		Items      []itemJSON `json:"items"`
		Currency   string     `json:"currency"`
		NextCursor string     `json:"next_cursor,omitempty"`
	}{make([]itemJSON, len(items)), s.cafe.Currency, ""}
	for i, item := range items {
		a.Items[i] = itemAnswer(item)
		if dining != "" {
			shown := tariff.Show(item, dining)
			a.Items[i].PriceWithTaxes, a.Items[i].Taxes = &shown.WithTaxes, forms.OfTaxes(shown.Taxes)
		}
	}
	if more {
		a.NextCursor = s.cursors.Seal(l.binding, items[len(items)-1].SKU)
	}
	return rest.AnswerList(c, a)
}

// diningParameter returns where the prices of a menu are asked for, or "" if nowhere.
func diningParameter(c *gin.Context) (model.Dining, error) {
	q, err := rest.Query(c.Request)
	if err != nil || !q.Has("dining") {
		return "", err
	}
	dining := model.Dining(q.Get("dining"))
	if !dining.Valid() {
		return "", rest.Malformed("A query parameter is not valid.", rest.Fault{Field: "dining", Message: "must be eat_in or takeaway"})
	}
	return dining, nil
}

func (s *server) getMenuItem(c *gin.Context) error {
	sku, err := rest.PathID(c, "sku")
	if err != nil {
		return err
	}
	item, err := s.cafe.MenuItem(c.Request.Context(), sku)
	if err != nil {
		return err
	}
	a := itemAnswer(item)
	tag, err := contentTag(a)
	if err != nil {
		return err
	}
	return rest.AnswerTagged(c, http.StatusOK, tag, a)
}

type itemRequest struct {
	SKU      rest.Optional[string]          `json:"sku"`
	Name     rest.Optional[string]          `json:"name"`
	Category rest.Optional[string]          `json:"category"`
	TaxClass rest.Optional[string]          `json:"tax_class"`
	Price    rest.Optional[int64]           `json:"price" must:"a whole number from 0 to 100000000"`
	Options  rest.Optional[[]optionRequest] `json:"options"`
	Counted  rest.Optional[bool]            `json:"counted"`
	Active   rest.Optional[bool]            `json:"active"`
}

type optionRequest struct {
	ID    rest.Optional[string] `json:"id"`
	Name  rest.Optional[string] `json:"name"`
	Price rest.Optional[int64]  `json:"price" must:"a whole number from 0 to 100000000"`
}

func (s *server) putMenuItem(c *gin.Context) error {
	sku, err := rest.NewID(c, "sku")
	if err != nil {
		return err
	}
	var r itemRequest
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r); err != nil {
		return err
	}
	if r.SKU.Or(&faults, "/sku", sku) != sku {
		faults.Add("/sku", "must be equal to the one in the path")
	}
	item := model.Item{
		SKU: sku, Name: parse.NFC(r.Name.Need(&faults, "/name")), Category: parse.NFC(r.Category.Or(&faults, "/category", "")),
		Price:    model.Money(r.Price.Need(&faults, "/price")),
		TaxClass: r.TaxClass.Or(&faults, "/tax_class", ""),
		Counted:  r.Counted.Or(&faults, "/counted", false), Active: r.Active.Or(&faults, "/active", true),
	}
	if item.TaxClass == model.StandardClass {
		item.TaxClass = ""
	}
	for i, o := range r.Options.Or(&faults, "/options", nil) {
		at := "/options/" + strconv.Itoa(i)
		item.Options = append(item.Options, model.Option{
			ID: o.ID.Need(&faults, at+"/id"), Name: parse.NFC(o.Name.Need(&faults, at+"/name")),
			Price: model.Money(o.Price.Need(&faults, at+"/price")),
		})
	}
	if len(faults) > 0 {
		return faults.With(item.Validate())
	}
	created, err := s.cafe.SetMenuItem(c.Request.Context(), item, matchItem(c.Request))
	if err != nil {
		return err
	}
	a := itemAnswer(item)
	tag, err := contentTag(a)
	if err != nil {
		return err
	}
	return rest.AnswerTagged(c, createdOr(created), tag, a)
}

func createdOr(created bool) int {
	if created {
		return http.StatusCreated
	}
	return http.StatusOK
}

func (s *server) deleteMenuItem(c *gin.Context) error {
	sku, err := rest.PathID(c, "sku")
	if err != nil {
		return err
	}
	if err := s.cafe.RemoveMenuItem(c.Request.Context(), sku, matchItem(c.Request)); err != nil {
		return err
	}
	return rest.NoContent(c)
}

type stockJSON struct {
	SKU    string `json:"sku"`
	Name   string `json:"name"`
	OnHand int64  `json:"on_hand"`
}

func (s *server) listStock(c *gin.Context) error {
	l, err := s.list(c)
	if err != nil {
		return err
	}
	levels, more, err := s.cafe.StockPage(c.Request.Context(), l.from, l.limit)
	if err != nil {
		return err
	}
	a := struct {
		Stock      []stockJSON `json:"stock"`
		NextCursor string      `json:"next_cursor,omitempty"`
	}{Stock: make([]stockJSON, len(levels))}
	for i, level := range levels {
		a.Stock[i] = stockJSON(level)
	}
	if more {
		a.NextCursor = s.cursors.Seal(l.binding, levels[len(levels)-1].SKU)
	}
	return rest.AnswerList(c, a)
}

func (s *server) putStock(c *gin.Context) error {
	sku, err := rest.PathID(c, "sku")
	if err != nil {
		return err
	}
	var r struct {
		OnHand rest.Optional[int64] `json:"on_hand" must:"a whole number from 0 to 1000000"`
	}
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r); err != nil {
		return err
	}
	onHand := r.OnHand.Need(&faults, "/on_hand")
	if err := faults.Err(); err != nil {
		return err
	}
	level, err := s.cafe.SetStock(c.Request.Context(), sku, onHand)
	if err != nil {
		return err
	}
	return rest.Answer(c, http.StatusOK, stockJSON(level))
}

// matchItem is like rest.MatchVersion, but for an item of the menu, whose tag depends on its
// content.
func matchItem(r *http.Request) cafe.ItemMatch {
	if !rest.Conditional(r) {
		return nil
	}
	return func(was model.Item, known bool) bool {
		tag, err := contentTag(itemAnswer(was))
		return err == nil && rest.Holds(r, tag, known)
	}
}
