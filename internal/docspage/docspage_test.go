package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"cafe/api"
)

func TestThePackedFilesMatchTheDocument(t *testing.T) {
	content, err := os.ReadFile(source)
	if err != nil {
		t.Fatal(err)
	}
	page, err := render(content)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(api.OpenAPI(), content) || !bytes.Equal(api.DocsPage(), page) {
		t.Error("what is packed is not of api/openapi.json as it is now: go generate ./api")
	}
}

func TestProse(t *testing.T) {
	for given, want := range map[string]string{
		"one":                "<p>one</p>",
		"one\n\ntwo\n":       "<p>one</p><p>two</p>",
		"`a<b` & **c**":      "<p><code>a&lt;b</code> &amp; <strong>c</strong></p>",
		"- `a`: b\n- c":      "<ul><li><code>a</code>: b</li><li>c</li></ul>",
		"<script>x</script>": "<p>&lt;script&gt;x&lt;/script&gt;</p>",
		"`**not strong**`":   "<p><code>**not strong**</code></p>",
	} {
		if got := string(prose(given)); got != want {
			t.Errorf("%q: %s", given, got)
		}
	}
}

func TestPretty(t *testing.T) {
	long := `{"a":"` + strings.Repeat("x", 70) + `","b":[1,{"c":null}],"d":{}}`
	want := "{\n  \"a\": \"" + strings.Repeat("x", 70) + "\",\n  \"b\": [1, {\"c\": null}],\n  \"d\": {}\n}"
	if got := pretty([]byte(long)); got != want {
		t.Errorf("got %s", got)
	}
	if got := pretty([]byte(`[1,2]`)); got != "[1, 2]" {
		t.Errorf("got %s", got)
	}
}

func TestABrokenDocumentMakesNoPage(t *testing.T) {
	for _, source := range []string{"", "[]", `{"paths":{"/x":{"get":7}}}`, `{"paths":[]}`} {
		if page, err := render([]byte(source)); err == nil {
			t.Errorf("%s: a page of %d bytes", source, len(page))
		}
	}
}

func BenchmarkRender(b *testing.B) {
	for b.Loop() {
		if _, err := render(api.OpenAPI()); err != nil {
			b.Fatal(err)
		}
	}
}
