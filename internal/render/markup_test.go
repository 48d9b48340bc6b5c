package render

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

// hostile are names that end a place they might be put in, or begin one that runs.
var hostile = []string{
	`</title></svg></script><script src="//x">alert('1')</script><b onclick="x">&amp;"'`,
	`" onload="alert(1)`, `' onload='alert(1)`, ` onload=alert(1) `, "` onload=`alert(1)", `"/><image href="//x"/>`,
	`</text></svg><img src=x onerror=alert(1)>`, `</title><foreignObject><iframe src="//x">`, `<![CDATA[<script>]]><script>`,
	`</style><style>@import "//x";`, `;background:url(//x)`, `javascript:alert(1)`, `<!-- `, `-->`, `<a xlink:href="javascript:alert(1)">`, `<?xml?>`, `</`, `<`, `&`,
	`&lt;script&gt;`, `&#60;script&#62;`, `&quot;`, `+ADw-script+AD4-`, "\u2028", "<\x00script>", "<scr\x00ipt>", "\xc0\xbcscript>", "\xff<", "a\r\nb", "\uFEFF", "\u202e",
}

func TestEverythingOnThePageIsEscaped(t *testing.T) {
	harmless, err := HTML(awkward("Scone", 3), crumb)
	if err != nil {
		t.Fatal(err)
	}
	want := skeleton(t, harmless)
	for _, name := range hostile {
		page, err := HTML(awkward(name, 3), Cafe{name, crumb.Zone})
		if err != nil {
			t.Fatal(err)
		}
		inspect(t, page)
		if !slices.Equal(skeleton(t, page), want) {
			t.Errorf("%q changes the page", name)
		}
	}
}

func TestNamesDoNotChangeThePage(t *testing.T) { rapid.Check(t, namesDoNotChangeThePage) }

func FuzzNamesDoNotChangeThePage(f *testing.F) { f.Fuzz(rapid.MakeFuzz(namesDoNotChangeThePage)) }

// namesDoNotChangeThePage: whatever names there are in a report, its page has the
// elements and attributes, with their values, that it has with harmless ones; and the
// names are read as they are.
func namesDoNotChangeThePage(t *rapid.T) {
	pieces := rapid.OneOf(rapid.SampledFrom(hostile), rapid.StringN(0, 20, -1), rapid.StringMatching(`[<>"'&/!=a-z -]{0,8}`))
	name := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(pieces, 0, 3).Draw(t, "pieces"), "")
	})
	n := rapid.Int64Range(1, 1<<40).Draw(t, "n")
	evil, good := awkward(name.Draw(t, "name"), n), awkward("Scone", n)
	evil.Currency = name.Draw(t, "currency")
	for i := range evil.Items {
		evil.Items[i].Name, evil.Items[i].Category = name.Draw(t, "item"), name.Draw(t, "category")
	}
	for i := range evil.Bake {
		evil.Bake[i].Name = name.Draw(t, "bake")
	}
	cafe := name.Draw(t, "café")

	page, err := HTML(evil, Cafe{cafe, time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	harmless, err := HTML(good, Cafe{"The Crumb", time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	got, want := skeleton(t, page), skeleton(t, harmless)
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("%s where %s belongs", got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%d nodes; with harmless names %d", len(got), len(want))
	}

	var read []string
	for n := range parse(t, page).Descendants() {
		if n.Type == html.ElementNode && n.Data == "section" && attribute(n, "aria-labelledby") == "items" {
			for cell := range n.Descendants() {
				if cell.Data == "th" && attribute(cell, "scope") == "row" || cell.Data == "td" && attribute(cell, "class") == "" {
					read = append(read, clean(content(cell)))
				}
			}
		}
		if attribute(n, "class") == "cafe" {
			read = append(read, clean(content(n)))
		}
	}
	written := []string{clean(oneLine(cafe))}
	for _, i := range evil.Items {
		written = append(written, clean(i.Name), clean(i.Category))
	}
	if !slices.Equal(read, written) {
		t.Fatalf("the page says %q; want %q", read, written)
	}
}

func TestTextAndAttributesReadAsWhatWentIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		data := rapid.OneOf(rapid.SampledFrom(hostile), rapid.String()).Draw(t, "data")
		for _, m := range []markup{
			`<p` + attr("title", data) + `></p>`,
			`<svg` + attr("aria-label", data) + `/>`,
			`<p title="` + text(data) + `">` + text(data) + `</p>`,
			`<svg><title>` + text(data) + `</title></svg>`,
			`<svg><text>` + text(data) + `</text></svg>`,
			`<title>` + text(data) + `</title>`,
		} {
			elements := 0
			for n := range parse(t, []byte(m)).Descendants() {
				if n.Type != html.ElementNode || slices.Contains([]string{"html", "head", "body"}, n.Data) {
					continue
				}
				elements++
				if len(n.Attr) > 1 || len(n.Attr) == 1 && clean(n.Attr[0].Val) != clean(data) {
					t.Fatalf("%s has the attributes %q", m, n.Attr)
				}
				if len(n.Attr) == 0 && n.Data != "svg" && clean(content(n)) != clean(data) {
					t.Fatalf("%s says %q", m, content(n))
				}
			}
			if want := strings.Count(string(m), "</") + strings.Count(string(m), "/>"); elements != want {
				t.Fatalf("%s has %d elements; want %d", m, elements, want)
			}
		}
	})
}

func TestLengthsAreDigits(t *testing.T) {
	for value, want := range map[unit]markup{0: ` x="0"`, 1.5: ` x="1.5"`, -2: ` x="-2"`, 1.0 / 3: ` x="0.33"`, 1e6: ` x="1000000"`} {
		if got := num("x", value); got != want {
			t.Errorf("%s; want %s", got, want)
		}
	}
}

// The compiler tells data from markup only if no other code makes one of the other.
func TestDataBecomesMarkupInOnePlace(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	var where []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range parsed.Decls {
			name := "a declaration"
			if f, ok := d.(*ast.FuncDecl); ok {
				name = f.Name.Name
			}
			ast.Inspect(d, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if to, ok := call.Fun.(*ast.Ident); ok && to.Name == "markup" {
						where = append(where, name+" in "+file)
					}
				}
				return true
			})
		}
	}
	slices.Sort(where)
	// text escapes; each has nothing but markup.
	if !slices.Equal(where, []string{"each in markup.go", "text in markup.go"}) {
		t.Errorf("strings become markup in %q", where)
	}
}

func parse(t interface{ Fatal(...any) }, page []byte) *html.Node {
	root, err := html.Parse(bytes.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// skeleton lists what is on a page but for its text: elements with their attributes,
// comments, the doctype.
func skeleton(t interface{ Fatal(...any) }, page []byte) (list []string) {
	for n := range parse(t, page).Descendants() {
		if n.Type != html.TextNode {
			list = append(list, fmt.Sprintf("%d %s:%s of %s %q", n.Type, n.Namespace, n.Data, n.Parent.Data, n.Attr))
		}
	}
	return list
}

func content(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

func attribute(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

// clean leaves out what HTML itself changes: it drops NUL or replaces it, and any line
// break is \n.
func clean(s string) string {
	return strings.NewReplacer("\x00", "", "\uFFFD", "", "\r\n", "\n", "\r", "\n").Replace(s)
}
