package api

import (
	"net/http"

	"cafe/api/rest"

	"github.com/gin-gonic/gin"

	"cafe/api/hookjson"
	"cafe/internal/webhooks"
	"cafe/model"
)

func (s *server) listWebhooks(c *gin.Context) error {
	endpoints, err := s.webhooks.List(c.Request.Context())
	if err != nil {
		return err
	}
	return rest.AnswerList(c, struct {
		Webhooks []hookjson.Endpoint `json:"webhooks"`
	}{hookjson.List(endpoints)})
}

// webhookBody is a request's body about an endpoint.
type webhookBody struct {
	URL         rest.Optional[string]   `json:"url"`
	Types       rest.Optional[[]string] `json:"types"`
	Description rest.Optional[string]   `json:"description"`
	Status      rest.Optional[string]   `json:"status"`
}

// createWebhook answers with the secret. No other answer has it.
func (s *server) createWebhook(c *gin.Context) error {
	var r webhookBody
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r); err != nil {
		return err
	}
	if r.Status.Given {
		faults.Add("/status", "is not a known field")
	}
	d := webhooks.Draft{URL: r.URL.Need(&faults, "/url"), Types: hookjson.Types(r.Types.Or(&faults, "/types", nil)), Description: r.Description.Or(&faults, "/description", "")}
	if len(faults) > 0 {
		return faults.With(s.webhooks.Check(d))
	}
	e, secret, err := s.webhooks.Create(c.Request.Context(), d)
	if err != nil {
		return err
	}
	c.Header("Location", "/webhooks/"+e.ID)
	a := hookjson.Of(e)
	a.Secret = secret
	return rest.Answer(c, http.StatusCreated, a)
}

func (s *server) getWebhook(c *gin.Context, id string) error {
	e, l, err := s.webhooks.Get(c.Request.Context(), id)
	if err != nil {
		return err
	}
	a := hookjson.Of(e)
	a.Health = hookjson.HealthOf(l)
	return rest.Answer(c, http.StatusOK, a)
}

func (s *server) changeWebhook(c *gin.Context, id string) error {
	var r webhookBody
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r, "application/merge-patch+json"); err != nil {
		return err
	}
	var p webhooks.Patch
	if url := r.URL.Or(&faults, "/url", ""); r.URL.Given {
		p.URL = &url
	}
	if description := r.Description.Or(&faults, "/description", ""); r.Description.Given {
		p.Description = &description
	}
	if types := hookjson.Types(r.Types.Or(&faults, "/types", nil)); r.Types.Given {
		p.Types = &types
	}
	if status := webhooks.Status(r.Status.Or(&faults, "/status", "")); r.Status.Given {
		p.Status = &status
	}
	if len(faults) > 0 {
		return faults
	}
	e, err := s.webhooks.Change(c.Request.Context(), id, p)
	if err != nil {
		return err
	}
	return rest.Answer(c, http.StatusOK, hookjson.Of(e))
}

func (s *server) deleteWebhook(c *gin.Context, id string) error {
	if err := s.webhooks.Delete(c.Request.Context(), id); err != nil {
		return err
	}
	return rest.NoContent(c)
}

// rotateWebhook answers with the new secret. No other answer has it.
func (s *server) rotateWebhook(c *gin.Context, id string) error {
	e, secret, err := s.webhooks.Rotate(c.Request.Context(), id)
	if err != nil {
		return err
	}
	a := hookjson.Of(e)
	a.Secret = secret
	return rest.Answer(c, http.StatusOK, a)
}

// testWebhook answers 202: the event is sent in a moment.
func (s *server) testWebhook(c *gin.Context, id string) error {
	eventID, err := s.webhooks.Test(c.Request.Context(), id)
	if err != nil {
		return err
	}
	return rest.Answer(c, http.StatusAccepted, struct {
		EventID string `json:"event_id"`
	}{eventID})
}

// redeliverWebhook answers 202: events are sent again in a moment.
func (s *server) redeliverWebhook(c *gin.Context, id string) error {
	var r struct {
		From rest.Optional[string] `json:"from"`
	}
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r); err != nil {
		return err
	}
	from := r.From.Need(&faults, "/from")
	if len(faults) > 0 {
		return faults
	}
	if err := s.webhooks.Redeliver(c.Request.Context(), id, from); err != nil {
		return err
	}
	return rest.Answer(c, http.StatusAccepted, struct {
		From string `json:"from"`
	}{from})
}

// listDeliveries answers with what was sent to an endpoint, the newest first.
func (s *server) listDeliveries(c *gin.Context, id string) error {
	l, err := s.list(c)
	if err != nil {
		return err
	}
	attempts, next, err := s.webhooks.Deliveries(c.Request.Context(), id, l.from, l.limit)
	if err != nil {
		return err
	}
	a := struct {
		Deliveries []hookjson.Delivery `json:"deliveries"`
		NextCursor string              `json:"next_cursor,omitempty"`
	}{make([]hookjson.Delivery, len(attempts)), s.cursors.Seal(l.binding, next)}
	for i, t := range attempts {
		a.Deliveries[i] = hookjson.DeliveryOf(t)
	}
	return rest.Answer(c, http.StatusOK, a)
}
