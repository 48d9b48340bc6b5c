package api

import (
	"bytes"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cafe/api/rest"

	"golang.org/x/net/html"
)

// docsTokens returns the tags and the text of the page. It fails the test if an element is not
// closed in its place.
func docsTokens(t *testing.T) (tags []html.Token, text string) {
	t.Helper()
	void := []string{"meta", "link", "br", "img", "input"}
	var open []string
	in := html.NewTokenizer(bytes.NewReader(DocsPage()))
	for {
		switch in.Next() {
		case html.ErrorToken:
			if in.Err() != io.EOF || len(open) > 0 {
				t.Fatalf("%v, %v still open", in.Err(), open)
			}
			return tags, text
		case html.TextToken:
			if len(open) == 0 || !slices.Contains([]string{"style", "script"}, open[len(open)-1]) {
				text += in.Token().Data
			}
		case html.StartTagToken:
			tag := in.Token()
			tags = append(tags, tag)
			if !slices.Contains(void, tag.Data) {
				open = append(open, tag.Data)
			}
		case html.EndTagToken:
			tag := in.Token()
			if len(open) == 0 || open[len(open)-1] != tag.Data {
				t.Fatalf("</%s> where %v are open", tag.Data, open)
			}
			open = open[:len(open)-1]
		case html.SelfClosingTagToken:
			t.Fatalf("<%s/> closes itself", in.Token().Data)
		}
	}
}

func TestThePageLoadsNothingElse(t *testing.T) {
	tags, _ := docsTokens(t)
	ids := map[string]bool{}
	var links []string
	for _, tag := range tags {
		switch tag.Data {
		case "link", "img", "iframe", "object", "form":
			t.Errorf("the page has a <%s>", tag.Data)
		}
		for _, a := range tag.Attr {
			switch {
			case a.Key == "id" && ids[a.Val]:
				t.Errorf("id %s appears twice", a.Val)
			case a.Key == "id":
				ids[a.Val] = true
			case a.Key == "href":
				links = append(links, a.Val)
			case strings.HasPrefix(a.Key, "on"), a.Key == "src", a.Key == "style":
				t.Errorf("<%s %s=%q>", tag.Data, a.Key, a.Val)
			}
		}
	}
	for _, l := range links {
		if anchor, inside := strings.CutPrefix(l, "#"); inside && !ids[anchor] || !inside && l != "openapi.json" {
			t.Errorf("a link to %s, which is not there", l)
		}
	}
	if n := bytes.Count(DocsPage(), []byte("<script")); n != 1 {
		t.Errorf("%d scripts, and the policy knows one", n)
	}
	for _, word := range []string{"unsafe", "http:", "https:", " *"} {
		if strings.Contains(docsPolicy(), word) {
			t.Errorf("the policy has %s: %s", word, docsPolicy())
		}
	}
	if css := regexp.MustCompile(`url\(|@import`).Find(DocsPage()); css != nil {
		t.Errorf("the style asks for something: %s", css)
	}
}

func TestThePageShowsTheWholeReference(t *testing.T) {
	tags, text := docsTokens(t)
	ids := map[string]bool{}
	for _, tag := range tags {
		for _, a := range tag.Attr {
			if a.Key == "id" {
				ids[a.Val] = true
			}
		}
	}
	r := theReference()
	var want []string
	for _, c := range documentedCalls() {
		operation := r.at("paths", c.path, strings.ToLower(c.method)).(map[string]any)
		want = append(want, operation["operationId"].(string))
		if !strings.Contains(text, operation["summary"].(string)) {
			t.Errorf("%s %s: its summary is missing", c.method, c.path)
		}
	}
	for _, name := range r.names("components", "schemas") {
		want = append(want, "schema-"+name)
	}
	for _, k := range rest.ProblemKinds {
		want = append(want, "problem-"+k.Kind)
	}
	for _, id := range want {
		if !ids[id] {
			t.Errorf("nothing on the page has the id %s", id)
		}
	}
	// The page has every description, without its markup.
	unmarked := strings.NewReplacer("`", "", "**", "", "\n\n- ", "", "\n- ", "", "\n\n", "", "\n", "")
	var look func(node any)
	look = func(node any) {
		switch n := node.(type) {
		case map[string]any:
			for name, v := range n {
				if d, ok := v.(string); ok && name == "description" {
					d = strings.TrimPrefix(unmarked.Replace(d), "- ")
					if !strings.Contains(strings.ReplaceAll(text, "\n", ""), d) {
						t.Errorf("missing: %q", d)
					}
				} else if name != "headers" && name != "links" && !slices.Contains([]string{"401", "429", "500", "503"}, name) {
					look(v)
				}
			}
		case []any:
			for _, v := range n {
				look(v)
			}
		}
	}
	for _, part := range []string{"info", "tags", "paths"} {
		look(r.at(part))
	}
	look(r.at("components", "schemas"))
}

// Each call has a curl line with everything that the call needs.
func TestThePageHasCurlLines(t *testing.T) {
	_, text := docsTokens(t)
	for _, line := range []string{
		`curl "$CAFE/menu/latte"`,
		`ORDER=$(curl -sS -X POST "$CAFE/orders" \` + "\n",
		`curl "$CAFE/orders/$ORDER"`,
		"curl -X DELETE \"$CAFE/menu/flat-white\" \\\n  -H \"Authorization: Bearer $TOKEN\"",
		"curl \"$CAFE/orders?customer_id=alice\" \\\n  -H \"Authorization: Bearer $TOKEN\"",
		"-H 'If-Match: \"1\"' \\\n  -H 'Content-Type: application/merge-patch+json' \\\n  -d '{",
		"curl -X PUT \"$CAFE/stock/brownie\" \\\n  -H \"Authorization: Bearer $TOKEN\" \\\n  -H 'Content-Type: application/json' \\\n  -d '{\"on_hand\": 24}'",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("missing: %s", line)
		}
	}
	if n := strings.Count(text, `"$CAFE/`); n != len(documentedCalls()) {
		t.Errorf("%d curl lines for %d calls", n, len(documentedCalls()))
	}
}
