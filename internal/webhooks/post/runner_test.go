package post_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"cafe/internal/cafetest"
	"cafe/internal/events"
	"cafe/internal/webhooks"
	"cafe/internal/webhooks/post"
	"cafe/model"
)

// receiver is an endpoint that notes the ids that it was sent.
type receiver struct {
	*httptest.Server
	mu  sync.Mutex
	ids []string
}

func newReceiver(t *testing.T, handle func(n int, w http.ResponseWriter, r *http.Request)) *receiver {
	r := &receiver{}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		r.ids = append(r.ids, request.Header.Get("webhook-id"))
		n := len(r.ids)
		r.mu.Unlock()
		if handle != nil {
			handle(n, w, request)
		}
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.ids)
}

// One endpoint does not answer, one is slow: the third has everything at once. The slow one
// gets everything, too.
func TestOneDeadEndpointHoldsUpNoOther(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	c.Webhooks.Loopback = true
	release := make(chan struct{})
	dead := newReceiver(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	slow := newReceiver(t, func(int, http.ResponseWriter, *http.Request) { time.Sleep(5 * time.Millisecond) })
	well := newReceiver(t, nil)
	t.Cleanup(func() { close(release) }) // before the receivers are closed
	for _, r := range []*receiver{dead, slow, well} {
		if _, _, err := c.Webhooks.Create(ctx, webhooks.Draft{URL: r.URL}); err != nil {
			t.Fatal(err)
		}
	}
	running, end := context.WithCancel(ctx)
	runner := post.NewRunner(running, &webhooks.Deliverer{
		Hooks: c.Webhooks, Sender: post.New(post.Options{Loopback: true}), Random: func() float64 { return 0 }, Turn: time.Minute,
	})
	ended := make(chan struct{})
	go func() { runner.Run(); close(ended) }()
	var want []string
	var entries []events.Entry
	for i := range 50 {
		e := model.NewEvent(model.EventOrderReady, fmt.Sprint("/orders/", i), 1, c.Clock.Now(), []byte(`{}`))
		want, entries = append(want, e.ID), append(entries, events.Entry{Event: e})
	}
	if err := c.Events.Append(ctx, entries); err != nil {
		t.Fatal(err)
	}
	endpoints, err := c.Webhooks.List(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range endpoints {
		if err := runner.Wake(ctx, e.ID, 0); err != nil {
			t.Fatal(err)
		}
	}
	for _, r := range []*receiver{well, slow} {
		for deadline := time.Now().Add(10 * time.Second); len(r.got()) < len(want); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d of %d arrived", len(r.got()), len(want))
			}
		}
		if !slices.Equal(r.got(), want) {
			t.Error("out of order, or repeated")
		}
	}
	if n := len(dead.got()); n > 1 {
		t.Errorf("the dead one was called %d times at once", n)
	}
	end()
	<-ended
	// What was under way when the process ended says nothing about the endpoint.
	for _, e := range endpoints {
		if _, l, err := c.Webhooks.Get(ctx, e.ID); err != nil || l.Failures != 0 {
			t.Errorf("%+v %v", l, err)
		}
	}
}

func TestADeletedEndpointsLaneEnds(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	running, end := context.WithCancel(ctx)
	runner := post.NewRunner(running, &webhooks.Deliverer{Hooks: c.Webhooks, Sender: post.New(post.Options{}), Turn: time.Minute})
	for range 3 {
		if err := runner.Wake(ctx, "nobody", 0); err != nil {
			t.Fatal(err)
		}
	}
	end()
	runner.Run()
	if err := runner.Wake(ctx, "late", 0); err != nil { // no lane begins any more
		t.Fatal(err)
	}
}
