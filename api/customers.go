package api

import (
	"net/http"

	"cafe/api/rest"

	"github.com/gin-gonic/gin"

	"cafe/api/forms"
	"cafe/model"
	"cafe/model/books"
)

type customerJSON struct {
	ID          string      `json:"id"`
	Name        string      `json:"name"`
	Email       string      `json:"email"`
	Notify      bool        `json:"notify"`
	CreditLimit model.Money `json:"credit_limit"`
	Balance     model.Money `json:"balance"`
	Orders      int64       `json:"orders"`
	Spent       model.Money `json:"spent"`
	LastOrderAt *string     `json:"last_order_at"`
	Alert       alertJSON   `json:"alert"`
	Version     int64       `json:"version"`
}

type alertJSON struct {
	Armed     bool  `json:"armed"`
	Crossings int64 `json:"crossings"`
}

func (s *server) customerAnswer(c model.Customer) customerJSON {
	return customerJSON{
		ID: c.ID, Name: c.Name, Email: c.Email, Notify: c.Notify, CreditLimit: c.Limit(s.cafe.CreditLimit),
		Balance: c.Balance, Orders: c.Orders, Spent: c.Spent, LastOrderAt: forms.OfTime(c.LastOrderAt),
		Alert: alertJSON{c.Armed, c.Crossings}, Version: c.Version,
	}
}

// listCustomers answers with customers by id, or with those who owe, the most first.
func (s *server) listCustomers(c *gin.Context) error {
	as, err := form(c, formCSV)
	if err != nil {
		return err
	}
	l, err := s.list(c)
	if err != nil {
		return err
	}
	owing, err := boolParameter(c, "owing")
	if err != nil {
		return err
	}
	var a struct {
		Customers  []customerJSON `json:"customers"`
		Owed       *model.Money   `json:"owed,omitzero"`
		NextCursor string         `json:"next_cursor,omitempty"`
	}
	var customers []model.Customer
	var next string
	if owing {
		var owed model.Money
		customers, next, owed, err = s.cafe.Owing(c.Request.Context(), l.from, l.limit)
		a.Owed = &owed
	} else {
		customers, next, err = s.cafe.Customers(c.Request.Context(), l.from, l.limit)
	}
	if err != nil {
		return err
	}
	a.NextCursor = s.cursors.Seal(l.binding, next)
	a.Customers = make([]customerJSON, len(customers))
	for i, customer := range customers {
		a.Customers[i] = s.customerAnswer(customer)
	}
	if as == formCSV {
		return answerCSV(c, "customers", books.CustomersCSV(customers, s.cafe.CreditLimit, s.cafe.Currency), a.NextCursor)
	}
	return rest.AnswerList(c, a)
}

func (s *server) getCustomer(c *gin.Context) error {
	id, err := rest.PathID(c, "id")
	if err != nil {
		return err
	}
	customer, err := s.cafe.Customer(c.Request.Context(), rest.Caller(c), id)
	if err != nil {
		return err
	}
	return rest.Answer(c, http.StatusOK, s.customerAnswer(customer))
}

func (s *server) putCustomer(c *gin.Context) error {
	id, err := rest.NewID(c, "id")
	if err != nil {
		return err
	}
	var r struct {
		ID          rest.Optional[string] `json:"id"`
		Name        rest.Optional[string] `json:"name"`
		Email       rest.Optional[string] `json:"email"`
		CreditLimit rest.Optional[int64]  `json:"credit_limit" must:"a whole number from 0 to 1000000000000, or null"`
		Notify      rest.Optional[bool]   `json:"notify"`
	}
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r); err != nil {
		return err
	}
	if r.ID.Or(&faults, "/id", id) != id {
		faults.Add("/id", "must be equal to the one in the path")
	}
	p := model.Profile{
		Name: r.Name.Need(&faults, "/name"), Email: r.Email.Or(&faults, "/email", ""), Notify: r.Notify.Or(&faults, "/notify", false),
	}
	if r.CreditLimit.Given && !r.CreditLimit.Null {
		limit := model.Money(r.CreditLimit.Value)
		p.CreditLimit = &limit
	}
	if len(faults) > 0 {
		return faults.With(p.Validate())
	}
	customer, created, err := s.cafe.SetCustomer(c.Request.Context(), id, p, rest.MatchVersion(c.Request))
	if err != nil {
		return err
	}
	return rest.Answer(c, createdOr(created), s.customerAnswer(customer))
}

func (s *server) deleteCustomer(c *gin.Context) error {
	id, err := rest.PathID(c, "id")
	if err != nil {
		return err
	}
	if err := s.cafe.Erase(c.Request.Context(), id); err != nil {
		return err
	}
	return rest.NoContent(c)
}

type paymentJSON struct {
	ID         string       `json:"id"`
	CustomerID string       `json:"customer_id"`
	Amount     model.Money  `json:"amount"`
	Method     model.Method `json:"method"`
	Currency   string       `json:"currency"`
	Note       string       `json:"note"`
	PaidAt     string       `json:"paid_at"`
}

func paymentAnswer(p model.Payment) paymentJSON {
	method := p.Method
	if method == "" {
		method = model.MethodCash
	}
	return paymentJSON{p.ID, p.CustomerID, p.Amount, method, p.Currency, p.Note, model.Timestamp(p.At)}
}

func (s *server) pay(c *gin.Context) error {
	id, err := rest.NewID(c, "id")
	if err != nil {
		return err
	}
	key, err := rest.IdempotencyKey(c.Request)
	if err != nil {
		return err
	}
	var r struct {
		Amount rest.Optional[int64]  `json:"amount" must:"a whole number from 1 to 1000000000000"`
		Method rest.Optional[string] `json:"method"`
		Note   rest.Optional[string] `json:"note"`
	}
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r); err != nil {
		return err
	}
	amount, note := r.Amount.Need(&faults, "/amount"), r.Note.Or(&faults, "/note", "")
	method := model.Method(r.Method.Or(&faults, "/method", string(model.MethodCash)))
	if method == "" {
		method = "?" // which is none
	}
	if len(faults) > 0 {
		return faults.With(model.ValidatePayment(model.Money(amount), method, note))
	}
	paid, replayed, err := s.cafe.Pay(c.Request.Context(), rest.Caller(c), id, model.Money(amount), method, note, key)
	if err != nil {
		return err
	}
	replay(c, replayed)
	return rest.Answer(c, http.StatusCreated, paymentAnswer(paid))
}

func (s *server) listPayments(c *gin.Context) error {
	id, err := rest.PathID(c, "id")
	if err != nil {
		return err
	}
	l, err := s.list(c)
	if err != nil {
		return err
	}
	payments, next, err := s.cafe.Payments(c.Request.Context(), rest.Caller(c), id, l.from, l.limit)
	if err != nil {
		return err
	}
	a := struct {
		Payments   []paymentJSON `json:"payments"`
		NextCursor string        `json:"next_cursor,omitempty"`
	}{make([]paymentJSON, len(payments)), s.cursors.Seal(l.binding, next)}
	for i, p := range payments {
		a.Payments[i] = paymentAnswer(p)
	}
	return rest.AnswerList(c, a)
}
