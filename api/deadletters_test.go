package api_test

import (
	"strings"
	"testing"

	"cafe/internal/deadletters"
)

// keepLetter puts the dead letter of a record into the café.
func (s *service) keepLetter(sequence string) string {
	s.Helper()
	l := deadletters.Letter{
		ID: deadletters.StreamID("ledger", sequence), Kind: deadletters.KindStream, Consumer: "ledger", About: "orders/abc", Reason: "attribute total is missing", Content: "{}",
	}
	if err := s.cafe.DeadLetters.Keep(s.Context(), l); err != nil {
		s.Fatal(err)
	}
	return l.ID
}

func TestDeadLettersAreListedSentAgainAndSetAside(t *testing.T) {
	s := open(t)
	if got := s.call(olivia, "GET", "/dead-letters", "").want(200).get("dead_letters"); got != "[]" {
		t.Errorf("%s", got)
	}
	first, second := s.keepLetter("1"), s.keepLetter("2")
	page := s.call(olivia, "GET", "/dead-letters?limit=1", "").want(200)
	if got := page.get("dead_letters"); !strings.Contains(got, `{"id":"stream-ledger-1","kind":"stream","consumer":"ledger","about":"orders/abc","reason":"attribute total is missing","status":"dead","at":"`) {
		t.Errorf("%s", got)
	}
	next := s.call(olivia, "GET", "/dead-letters?limit=1&cursor="+page.get("next_cursor"), "").want(200)
	if !strings.Contains(next.get("dead_letters"), second) || strings.Contains(next.get("dead_letters"), first) {
		t.Errorf("%s", next.body)
	}
	s.call(olivia, "GET", "/dead-letters?set_aside=true&limit=1&cursor="+page.get("next_cursor"), "").wantProblem(400, "malformed-request", "cursor")
	s.call(olivia, "GET", "/dead-letters?set_aside=yes", "").wantProblem(400, "malformed-request", "set_aside")

	if a := s.call(olivia, "POST", "/dead-letters/"+first+"/redrive", "").want(202); a.get("status") != "sent_again" || a.get("id") != first {
		t.Errorf("%s", a.body)
	}
	s.call(olivia, "POST", "/dead-letters/"+first+"/redrive", "").want(202)
	s.call(olivia, "DELETE", "/dead-letters/"+second, "").want(204)
	s.call(olivia, "DELETE", "/dead-letters/"+second, "").wantProblem(404, "not-found")
	if got := s.call(olivia, "GET", "/dead-letters", "").get("dead_letters"); !strings.Contains(got, first) || strings.Contains(got, second) {
		t.Errorf("%s", got)
	}
	if got := s.call(olivia, "GET", "/dead-letters?set_aside=true", "").get("dead_letters"); strings.Contains(got, first) || !strings.Contains(got, second) || !strings.Contains(got, `"set_aside"`) {
		t.Errorf("%s", got)
	}
	s.call(olivia, "POST", "/dead-letters/"+second+"/redrive", "").want(202)
	for _, id := range []string{"stream-ledger-3", "message-x", "webhook-x", "x", "upload-"} {
		s.call(olivia, "POST", "/dead-letters/"+id+"/redrive", "").wantProblem(404, "not-found")
		s.call(olivia, "DELETE", "/dead-letters/"+id, "").wantProblem(404, "not-found")
	}
}
