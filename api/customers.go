package api

import (
	"net/http"

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
	a.NextCursor = s.cursors.seal(l.binding, next)
	a.Customers = make([]customerJSON, len(customers))
	for i, customer := range customers {
		a.Customers[i] = s.customerAnswer(customer)
	}
	if as == formCSV {
		return answerCSV(c, "customers", books.CustomersCSV(customers, s.cafe.CreditLimit, s.cafe.Currency), a.NextCursor)
	}
	return answerList(c, a)
}

func (s *server) getCustomer(c *gin.Context) error {
	id, err := pathID(c, "id")
	if err != nil {
		return err
	}
	customer, err := s.cafe.Customer(c.Request.Context(), caller(c), id)
	if err != nil {
		return err
	}
	return answer(c, http.StatusOK, s.customerAnswer(customer))
}

func (s *server) putCustomer(c *gin.Context) error {
	id, err := newID(c, "id")
	if err != nil {
		return err
	}
	var r struct {
		ID          optional[string] `json:"id"`
		Name        optional[string] `json:"name"`
		Email       optional[string] `json:"email"`
		CreditLimit optional[int64]  `json:"credit_limit" must:"a whole number from 0 to 1000000000000, or null"`
		Notify      optional[bool]   `json:"notify"`
	}
	var faults model.Invalid
	if err := decode(c, &faults, &r); err != nil {
		return err
	}
	if r.ID.or(&faults, "/id", id) != id {
		faults.Add("/id", "must be equal to the one in the path")
	}
	p := model.Profile{
		Name: r.Name.need(&faults, "/name"), Email: r.Email.or(&faults, "/email", ""), Notify: r.Notify.or(&faults, "/notify", false),
	}
	if r.CreditLimit.Given && !r.CreditLimit.Null {
		limit := model.Money(r.CreditLimit.Value)
		p.CreditLimit = &limit
	}
	if len(faults) > 0 {
		return faults.With(p.Validate())
	}
	customer, created, err := s.cafe.SetCustomer(c.Request.Context(), id, p, matchVersion(c.Request))
	if err != nil {
		return err
	}
	return answer(c, createdOr(created), s.customerAnswer(customer))
}

func (s *server) deleteCustomer(c *gin.Context) error {
	id, err := pathID(c, "id")
	if err != nil {
		return err
	}
	if err := s.cafe.Erase(c.Request.Context(), id); err != nil {
		return err
	}
	return noContent(c)
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
	id, err := newID(c, "id")
	if err != nil {
		return err
	}
	key, err := idempotencyKey(c.Request)
	if err != nil {
		return err
	}
	var r struct {
		Amount optional[int64]  `json:"amount" must:"a whole number from 1 to 1000000000000"`
		Method optional[string] `json:"method"`
		Note   optional[string] `json:"note"`
	}
	var faults model.Invalid
	if err := decode(c, &faults, &r); err != nil {
		return err
	}
	amount, note := r.Amount.need(&faults, "/amount"), r.Note.or(&faults, "/note", "")
	method := model.Method(r.Method.or(&faults, "/method", string(model.MethodCash)))
	if method == "" {
		method = "?" // which is none
	}
	if len(faults) > 0 {
		return faults.With(model.ValidatePayment(model.Money(amount), method, note))
	}
	paid, replayed, err := s.cafe.Pay(c.Request.Context(), caller(c), id, model.Money(amount), method, note, key)
	if err != nil {
		return err
	}
	replay(c, replayed)
	return answer(c, http.StatusCreated, paymentAnswer(paid))
}

func (s *server) listPayments(c *gin.Context) error {
	id, err := pathID(c, "id")
	if err != nil {
		return err
	}
	l, err := s.list(c)
	if err != nil {
		return err
	}
	payments, next, err := s.cafe.Payments(c.Request.Context(), caller(c), id, l.from, l.limit)
	if err != nil {
		return err
	}
	a := struct {
		Payments   []paymentJSON `json:"payments"`
		NextCursor string        `json:"next_cursor,omitempty"`
	}{make([]paymentJSON, len(payments)), s.cursors.seal(l.binding, next)}
	for i, p := range payments {
		a.Payments[i] = paymentAnswer(p)
	}
	return answerList(c, a)
}
