package cafetest_test

import (
	"context"
	"time"

	"cafe/internal/bus"
	"cafe/internal/deadletters"
	"cafe/internal/events"
	"cafe/internal/webhooks"
	"cafe/model"
)

// hooked makes a world with an endpoint, whose id is the world's, and an event for it.
func hooked(w *world) {
	e, _, err := w.Webhooks.Create(ctx, webhooks.Draft{URL: "https://example.com"})
	if err == nil {
		w.id = e.ID
		err = w.Events.Append(ctx, []events.Entry{{Event: model.NewEvent(model.EventOrderReady, "/orders/a", 1, w.Clock.Now(), []byte("{}"))}})
	}
	if err != nil {
		w.Fatal(err)
	}
}

// takes is an endpoint that takes everything.
type takes struct{ calls *int }

func (t takes) Send(context.Context, webhooks.Endpoint, model.Event, time.Time) webhooks.Outcome {
	*t.calls++
	return webhooks.Outcome{Status: 200}
}

// deliverWebhooks delivers to the world's endpoint. Nobody else does.
func deliverWebhooks(w *world) error {
	d := &webhooks.Deliverer{Hooks: w.Webhooks, Sender: takes{&w.done}, Random: func() float64 { return 0 }, Owner: "one", Lease: time.Minute, Turn: time.Minute}
	_, err := d.Deliver(w.ctx, w.id)
	return err
}

// takesAll is an event bus that takes everything.
type takesAll struct{ taken *int }

func (t takesAll) Put(_ context.Context, all []model.Event) ([]string, error) {
	*t.taken += len(all)
	return make([]string, len(all)), nil
}

// fillBus puts the world's events on an event bus. Nobody else does.
func fillBus(w *world) error {
	b := &bus.Bus{
		Name: "shop", Client: takesAll{&w.done}, Table: w.Faults, Log: w.Events, Now: w.Clock.Now, Owner: "one", Lease: time.Minute, Turn: time.Minute,
	}
	_, err := b.Deliver(w.ctx)
	return err
}

// endpoint wants the world's endpoint to be as is says.
func endpoint(is func(webhooks.Endpoint) bool) func(w *world) {
	return func(w *world) {
		w.Helper()
		if e, _, err := w.Webhooks.Get(ctx, w.id); err != nil || !is(e) {
			w.Errorf("the endpoint is %+v, %v", e, err)
		}
	}
}

func init() { useCases = append(useCases, webhookCases...) }

var webhookCases = []useCase{
	{name: "the owner adds an endpoint of webhooks", methods: "Create", once: true,
		do: func(w *world) error {
			_, _, err := w.Webhooks.Create(w.ctx, webhooks.Draft{URL: "https://example.com"})
			return err
		},
		after: func(w *world) { // whatever was lost, the count is right
			for range webhooks.Most {
				_, _, _ = w.Webhooks.Create(ctx, webhooks.Draft{URL: "https://example.com"})
			}
			if all, err := w.Webhooks.List(ctx); err != nil || len(all) != webhooks.Most {
				w.Errorf("%d endpoints, %v", len(all), err)
			}
		}},
	{name: "the owner changes an endpoint", methods: "Change", before: hooked,
		do: func(w *world) error {
			disabled := webhooks.Disabled
			_, err := w.Webhooks.Change(w.ctx, w.id, webhooks.Patch{Status: &disabled})
			return err
		},
		after: endpoint(func(e webhooks.Endpoint) bool { return e.Status == webhooks.Disabled })},
	{name: "the owner gives an endpoint a new secret", methods: "Rotate", before: hooked,
		do: func(w *world) error {
			_, _, err := w.Webhooks.Rotate(w.ctx, w.id)
			return err
		},
		after: endpoint(func(e webhooks.Endpoint) bool { return !e.RotatedAt.IsZero() })},
	{name: "the owner has a test event sent", methods: "Test", before: hooked,
		do: func(w *world) error {
			_, err := w.Webhooks.Test(w.ctx, w.id)
			return err
		},
		after: func(w *world) {
			if err := deliverWebhooks(w); err != nil || w.done != 2 {
				w.Errorf("%d calls, %v", w.done, err)
			}
		}},
	{name: "the owner has events sent again", methods: "Redeliver", before: func(w *world) {
		hooked(w)
		w.ctx = ctx
		if err := deliverWebhooks(w); err != nil {
			w.Fatal(err)
		}
	},
		do: func(w *world) error { return w.Webhooks.Redeliver(w.ctx, w.id, "oldest") },
		after: func(w *world) {
			if err := deliverWebhooks(w); err != nil || w.done != 2 {
				w.Errorf("%d calls, %v", w.done, err)
			}
		}},
	{name: "the owner has a failing endpoint go on", methods: "Resume", through: model.ErrNotFound, before: func(w *world) {
		hooked(w)
		letter := deadletters.Letter{ID: deadletters.ID(deadletters.KindWebhook, w.id), Kind: deadletters.KindWebhook, About: "webhooks/" + w.id, Reason: "why"}
		if err := w.DeadLetters.Keep(ctx, letter); err != nil {
			w.Fatal(err)
		}
	},
		do: func(w *world) error {
			_, err := w.DeadLetters.Redrive(w.ctx, deadletters.ID(deadletters.KindWebhook, w.id))
			return err
		},
		after: endpoint(func(e webhooks.Endpoint) bool { return e.Status == webhooks.Active })},
	{name: "the owner removes an endpoint", methods: "Delete", before: hooked, through: model.ErrNotFound,
		do: func(w *world) error { return w.Webhooks.Delete(w.ctx, w.id) },
		after: func(w *world) {
			if all, err := w.Webhooks.List(ctx); err != nil || len(all) != 0 {
				w.Errorf("%d endpoints, %v", len(all), err)
			}
		}},
	{name: "an endpoint is told what happens", methods: "Get", before: hooked,
		do: func(w *world) error {
			err := deliverWebhooks(w)
			w.Clock.Pass(time.Minute) // a lane that was taken and not given back is free again
			return err
		},
		after: func(w *world) {
			if err := deliverWebhooks(w); err != nil || w.done == 0 {
				w.Errorf("%d calls, %v", w.done, err)
			}
		}},
	{name: "an event bus is told what happens", methods: "Deliver", before: hooked, do: fillBus,
		after: func(w *world) {
			if err := fillBus(w); err != nil || w.done == 0 {
				w.Errorf("%d events, %v", w.done, err)
			}
		}},
	reads("Deliveries", "the owner looks at deliveries", func(w *world) {
		hooked(w)
		w.ctx = ctx
		if err := deliverWebhooks(w); err != nil {
			w.Fatal(err)
		}
	}, func(w *world) (interface{}, error) {
		attempts, _, err := w.Webhooks.Deliveries(w.ctx, w.id, "", 10)
		return attempts, err
	}),
}
