package api

import (
	"net/http"

	"cafe/api/rest"

	"github.com/gin-gonic/gin"

	"cafe/model"
)

func (s *server) health(c *gin.Context) error {
	return rest.Answer(c, http.StatusOK, struct {
		Status  string `json:"status"`
		Version string `json:"version"`
	}{"ok", s.version})
}

// reconcile answers with the result of Reconcile.
func (s *server) reconcile(c *gin.Context) error {
	dry, err := boolParameter(c, "dry_run")
	if err != nil {
		return err
	}
	r, err := s.ledger.Reconcile(c.Request.Context(), dry)
	if err != nil {
		return err
	}
	faults, err := s.books.Check(c.Request.Context())
	if err != nil {
		return err
	}
	type close struct {
		Day    model.Day   `json:"day,omitzero"`
		What   string      `json:"what"`
		Stored model.Money `json:"stored"`
		Actual model.Money `json:"actual"`
	}
	closes := make([]close, len(faults))
	for i, f := range faults {
		closes[i] = close(f)
	}
	type drift struct {
		CustomerID string `json:"customer_id"`
		Field      string `json:"field"`
		Stored     int64  `json:"stored"`
		Actual     int64  `json:"actual"`
	}
	drifted := make([]drift, len(r.Drifted))
	for i, d := range r.Drifted {
		drifted[i] = drift{d.CustomerID, d.Field(), d.Stored, d.Actual}
	}
	return rest.Answer(c, http.StatusOK, struct {
		Customers  int     `json:"customers"`
		Drifted    []drift `json:"drifted"`
		Repaired   int     `json:"repaired"`
		Unreadable int     `json:"unreadable,omitzero"`
		Closes     []close `json:"closes,omitempty"`
	}{r.Customers, drifted, r.Repaired, r.Unreadable, closes})
}

func boolParameter(c *gin.Context, name string) (bool, error) {
	q, err := rest.Query(c.Request)
	if err != nil || !q.Has(name) {
		return false, err
	}
	switch q.Get(name) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, rest.Malformed("A query parameter is not valid.", rest.Fault{Field: name, Message: "must be true or false"})
}

// Closed returns the handler of a café that is not configured. It answers every request
// with 503.
func Closed() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest.WriteProblem(w, r, rest.Unavailable(), rest.RequestID(r.Context()))
	})
}
