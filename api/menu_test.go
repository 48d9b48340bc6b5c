package api_test

import (
	"strings"
	"testing"
)

// An é may be one code point or two. A name is kept in Form C, whoever wrote it how.
func TestNamesOnTheMenuAreKeptInNFC(t *testing.T) {
	s := open(t)
	a := s.call(sam, "PUT", "/menu/cb", `{"name":"Cre\u0300me bru\u0302le\u0301e","category":"de\u0301sserts","price":450,"options":[{"id":"the","name":"The\u0301","price":0}]}`).want(201)
	for _, name := range []string{"Crème brûlée", "désserts", "Thé"} {
		if !strings.Contains(string(a.body), `"`+name+`"`) {
			t.Errorf("%s has no %q", a.body, name)
		}
	}
	if tag := s.call(sam, "GET", "/menu/cb", "").want(200).header.Get("ETag"); tag != a.header.Get("ETag") {
		t.Errorf("tags %q and %q", a.header.Get("ETag"), tag)
	}
}
