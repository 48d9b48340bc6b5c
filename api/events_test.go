package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"cafe/internal/events"
	"cafe/model"
)

// tell puts an event about an order of a customer into the log: a "" customer is a walk-in.
func (s *service) tell(order, customer string, t model.EventType, version int64) {
	s.Helper()
	data := `{"id":"` + order + `","number":7,"status":"placed","business_day":"2026-11-28","total":240,"currency":"GBP"}`
	e := model.NewEvent(t, "/orders/"+order, version, time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC), []byte(data))
	if err := s.cafe.Events.Append(s.Context(), []events.Entry{{Event: e, Customer: customer}}); err != nil {
		s.Fatal(err)
	}
}

// page is a page of events.
type page struct {
	Events []struct {
		ID, Type, Subject string
		Data              json.RawMessage
	}
	Next string `json:"next_cursor"`
}

func (s *service) page(who, path string) (p page, subjects string) {
	s.Helper()
	s.call(who, "GET", path, "", "Accept: application/json").want(200).json(&p)
	for _, e := range p.Events {
		subjects += " " + strings.TrimPrefix(e.Subject, "/orders/")
	}
	return p, strings.TrimSpace(subjects)
}

func TestEventsComeByPages(t *testing.T) {
	s := open(t)
	before, _ := s.page(sam, "/events")
	s.tell("a1", "alice", model.EventOrderPlaced, 1)
	s.tell("b1", "bob", model.EventOrderPlaced, 1)
	s.tell("w1", "", model.EventOrderPlaced, 1)
	for who, want := range map[string]string{sam: "a1 b1 w1", olivia: "a1 b1 w1", alice: "a1", bob: "b1", "customer carol": ""} {
		for _, from := range []string{"oldest", before.Next} {
			if _, got := s.page(who, "/events?after="+from); got != want {
				t.Errorf("%s hears from %s of %q, want %q", who, from, got, want)
			}
		}
		if _, got := s.page(who, "/events"); got != "" {
			t.Errorf("without a cursor %s hears of %q", who, got)
		}
	}
	first, _ := s.page(alice, "/events?after=oldest")
	if _, got := s.page(alice, "/events?after="+first.Next); got != "" {
		t.Errorf("alice hears again of %q", got)
	}
	// What an EventSource says when it comes back is newer than its address.
	var again page
	s.call(sam, "GET", "/events?after=oldest", "", "Accept: application/json", "Last-Event-ID: "+first.Next).want(200).json(&again)
	if len(again.Events) != 0 {
		t.Errorf("heard again: %+v", again)
	}
	s.tell("a1", "alice", model.EventOrderReady, 2)
	if _, got := s.page(alice, "/events?wait=0&after="+first.Next); got != "a1" {
		t.Errorf("alice hears of %q", got)
	}
}

func TestEventsOfALongLogComeInTheirOrder(t *testing.T) {
	s := open(t)
	var want []string
	for i := range 260 {
		s.tell(fmt.Sprint("o", i), "alice", model.EventOrderPlaced, 1)
		want = append(want, fmt.Sprint("o", i))
	}
	for _, who := range []string{sam, alice} {
		var got []string
		for next := "oldest"; ; {
			p, subjects := s.page(who, "/events?after="+next)
			if len(p.Events) == 0 {
				break
			}
			got, next = append(got, strings.Fields(subjects)...), p.Next
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s heard of %d: %v", who, len(got), got)
		}
	}
}

func TestBadRequestsForEventsAreRefused(t *testing.T) {
	s := open(t)
	for _, path := range []string{"after=", "after=x", "after=1", "after=0.0", "after=1.0.0", "after=-1.0", "after=%00", "after=1.z", "wait=21", "wait=-1", "wait=1.5", "wait=", "wait=x", "type=order.placed", "after=1.0&after=2.0"} {
		field, _, _ := strings.Cut(path, "=")
		s.call(sam, "GET", "/events?"+path, "", "Accept: application/json").wantProblem(400, "malformed-request", field)
		s.call(sam, "GET", "/events?"+path, "", "Accept: text/event-stream").wantProblem(400, "malformed-request", field)
		s.call(sam, "GET", "/events?"+path, "", "Accept: application/json", "Last-Event-ID: 1.0").wantProblem(400, "malformed-request", field)
	}
	for _, id := range []string{"x", "1", "1.0 ", "{}", "1.0\x01"} {
		s.call(sam, "GET", "/events", "", "Accept: application/json", "Last-Event-ID: "+id).wantProblem(400, "malformed-request", "Last-Event-ID")
	}
	s.call(sam, "GET", "/events", "", "Accept: image/png").wantProblem(406, "not-acceptable")
	s.call(nobody, "GET", "/events", "").wantProblem(401, "unauthorized")
}

func TestOneResyncComesInPlaceOfEventsThatAreGone(t *testing.T) {
	s := open(t)
	s.tell("a1", "alice", model.EventOrderPlaced, 1)
	for _, who := range []string{sam, alice} {
		p, _ := s.page(who, "/events?after=zz.0")
		if len(p.Events) != 1 || p.Events[0].Type != "resync" || p.Events[0].Subject != "/events" || string(p.Events[0].Data) != `{"after":"zz.0"}` {
			t.Fatalf("%+v", p)
		}
		if _, got := s.page(who, "/events?after="+p.Next); got != "" {
			t.Errorf("then %s hears of %q", who, got)
		}
		s.tell("a1", "alice", model.EventOrderReady, 2)
		if _, got := s.page(who, "/events?after="+p.Next); got != "a1" {
			t.Errorf("later %s hears of %q", who, got)
		}
	}
}

// In Lambda an answer has an end.
func TestInLambdaAStreamHasWhatThereIsAndEnds(t *testing.T) {
	s := open(t)
	s.tell("a1", "alice", model.EventOrderPlaced, 1)
	s.tell("b1", "bob", model.EventOrderPlaced, 1)
	stream := func(who, path string, headers ...string) string {
		t.Helper()
		a := s.invoke(event(who, "GET", path, "", append(headers, "Accept: text/event-stream")...)).want(200)
		if kind := a.header.Get("Content-Type"); kind != "text/event-stream" || a.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s, %v", kind, a.header)
		}
		return string(a.body)
	}
	const end = "\nretry: 2000\n\n"
	got := stream(bob, "/events?after=oldest")
	data, rest, ok := strings.Cut(strings.TrimPrefix(got, "data: "), "\nid: ")
	id, rest, _ := strings.Cut(rest, "\n\n")
	if !ok || !strings.HasPrefix(data, `{"id":"`) || !strings.Contains(data, `"subject":"/orders/b1"`) || rest != "event: cursor\ndata: {}\nid: "+id+end {
		t.Fatalf("bob gets %q", got)
	}
	if got := stream(bob, "/events?after=oldest", "Last-Event-ID: "+id); got != rest {
		t.Errorf("again he gets %q", got)
	}
	// Alice is told how far she is, although the last event was not hers.
	if got := stream(alice, "/events?after=oldest"); !strings.HasSuffix(got, "\n\n"+rest) {
		t.Errorf("alice gets %q, and not that she is at %s", got, id)
	}
	if got := stream(sam, "/events?after=zz.0"); !strings.HasPrefix(got, "event: resync\ndata: {") || !strings.HasSuffix(got, "}\nid: "+id+"\n\n"+rest) {
		t.Errorf("who was away for long gets %q", got)
	}
	for range 600 {
		s.tell("w", "", model.EventOrderPlaced, 1)
	}
	if got := stream(sam, "/events?after=oldest"); strings.Count(got, "\ndata: {\"id\"") < 400 || strings.Count(got, "\ndata: {\"id\"") > 600 {
		t.Errorf("a long log gives %d events at once", strings.Count(got, "\ndata: {\"id\""))
	}
	if a := s.invoke(event(sam, "HEAD", "/events", "", "Accept: text/event-stream")).want(200); len(a.body) > 0 {
		t.Errorf("HEAD gets %q", a.body)
	}
}
