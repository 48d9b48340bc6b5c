package notify_test

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"cafe/internal/notify"
)

func TestAPolicyMatchesOneValueOfEachKey(t *testing.T) {
	for _, c := range []struct {
		policy     string
		attributes map[string]string
		through    bool
	}{
		{``, nil, true},
		{`{}`, map[string]string{"severity": "warning"}, true},
		{`{"severity":["critical"]}`, map[string]string{"severity": "critical", "type": "x"}, true},
		{`{"severity":["critical"]}`, map[string]string{"severity": "Critical"}, false},
		{`{"severity":["critical"]}`, nil, false},
		{`{"severity":["critical","warning"]}`, map[string]string{"severity": "warning"}, true},
		{`{"severity":["critical"],"customer_id":["a","b"]}`, map[string]string{"severity": "critical", "customer_id": "b"}, true},
		{`{"severity":["critical"],"customer_id":["a","b"]}`, map[string]string{"severity": "warning", "customer_id": "b"}, false},
		{`{"severity":["critical"],"customer_id":["a","b"]}`, map[string]string{"severity": "critical"}, false},
	} {
		p, err := notify.ParsePolicy(c.policy)
		if err != nil {
			t.Fatalf("%s: %v", c.policy, err)
		}
		if got := p.Match(c.attributes); got != c.through {
			t.Errorf("%s lets %v through: %v, want %v", c.policy, c.attributes, got, c.through)
		}
	}
}

func TestOtherPoliciesOfSNSAreRefused(t *testing.T) {
	for _, document := range []string{
		`{"severity":"critical"}`, `{"severity":[{"prefix":"c"}]}`, `{"severity":[1]}`, `{"severity":[]}`,
		`{"a":{"b":["c"]}}`, `["critical"]`, `{"severity":["critical"]`, `nonsense`,
	} {
		if p, err := notify.ParsePolicy(document); err == nil {
			t.Errorf("%s was taken for %v", document, p)
		}
	}
}

func TestMatchOnRandomPolicies(t *testing.T) {
	word := rapid.SampledFrom([]string{"a", "b", "c"})
	rapid.Check(t, func(t *rapid.T) {
		p := notify.Policy(rapid.MapOf(word, rapid.SliceOfN(word, 1, 3)).Draw(t, "policy"))
		attributes := rapid.MapOf(word, word).Draw(t, "attributes")
		want := 0
		for key, value := range attributes {
			if slices.Contains(p[key], value) {
				want++
			}
		}
		if got := p.Match(attributes); got != (want == len(p)) {
			t.Fatalf("%v matches %v: %v", p, attributes, got)
		}
		for key := range maps.Keys(p) {
			fewer := maps.Clone(attributes)
			delete(fewer, key)
			if p.Match(fewer) {
				t.Fatalf("%v matches %v, which lacks %s", p, fewer, key)
			}
		}
	})
}

func TestThePoliciesOfSubscriptionsAreValid(t *testing.T) {
	for _, s := range notify.Subscriptions {
		if _, err := notify.ParsePolicy(s.FilterPolicy); err != nil {
			t.Errorf("%s to %s: %v", s.Topic, s.Endpoint, err)
		}
	}
}
