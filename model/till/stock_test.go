package till

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// importAll reads a file of any kind: what is good is shown by show, the rest as problems.
func importAll[T any](t *testing.T, f *File[T], err error, entry func(T) (Entry, string)) (good, problems []string, rejects string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows := f.Skipped()
	for thing, err := range f.All() {
		if err != nil {
			t.Fatal(err)
		}
		e, shown := entry(thing)
		rows += len(e.Rows)
		if len(e.Problems) == 0 {
			good = append(good, shown)
		} else if err := f.Reject(e, ""); err != nil {
			t.Fatal(err)
		}
	}
	if rows != f.Rows() {
		t.Errorf("%d of %d rows", rows, f.Rows())
	}
	for _, p := range f.Problems() {
		problems = append(problems, fmt.Sprintf("%d %s", p.Line, p))
	}
	var text strings.Builder
	if _, err := f.WriteRejects(&text); err != nil {
		t.Fatal(err)
	}
	slices.Sort(good)
	return good, problems, text.String()
}

func showCount(c Count) (Entry, string) { return c.Entry, fmt.Sprintf("%s %d", c.SKU, c.OnHand) }

func TestStockCount(t *testing.T) {
	text := "\xef\xbb\xbfOn Hand,SKU\r\n24,bread\r\n0,CAKE\r\n24, Bread \r\n,\r\n"
	f, err := ReadStock(t.Context(), strings.NewReader(text), rules(t))
	good, problems, _ := importAll(t, f, err, showCount)
	if want := []string{"bread 24", "cake 0"}; !slices.Equal(good, want) || problems != nil {
		t.Errorf("got %q, %q", good, problems)
	}
	free := rules(t)
	free.Menu = nil
	f, err = ReadStock(t.Context(), strings.NewReader("sku,on_hand\nmuffin,1000000\n,5\nmuf fin,1\n"), free)
	good, problems, _ = importAll(t, f, err, showCount)
	if !slices.Equal(good, []string{"muffin 1000000"}) || len(problems) != 2 {
		t.Errorf("without a menu: got %q, %q", good, problems)
	}
}

func TestStockRowsThatAreWrong(t *testing.T) {
	for row, want := range map[string]string{
		"gold,1":             `sku: "gold" is no SKU and no name on the menu`,
		"tea,1":              `sku: "tea" is not a counted item, so it has no stock`,
		",1":                 "sku: is empty",
		"br\xffead,1":        "sku: is not UTF-8 text; save the file as CSV UTF-8",
		"cake,-1":            `on_hand: "-1" is not a whole number from 0 to 1000000`,
		"cake,-0":            `on_hand: "-0" is not a whole number from 0 to 1000000`,
		"cake,1000001":       `on_hand: "1000001" is not a whole number from 0 to 1000000`,
		"cake,2.5":           `on_hand: "2.5" is not a whole number from 0 to 1000000`,
		"cake,2.0\ncake,2":   "",
		"cake,":              "on_hand: is not a whole number from 0 to 1000000",
		"cake":               "the row has 1 cells and the header has 2",
		"cake,2\nbread,1":    "",
		"cake,2\nCake,3":     `on_hand: "3" is not what line 2 says of the same item`,
		"cake,2\ncake,3,x":   "the row has 3 cells and the header has 2",
		"cake,2\nlemon,2":    `sku: "lemon" is no SKU and no name on the menu`,
		"cake,2\ncake,2\n\n": "",
	} {
		f, err := ReadStock(t.Context(), strings.NewReader("sku,on_hand\n"+row+"\n"), rules(t))
		good, problems, rejects := importAll(t, f, err, showCount)
		if want == "" {
			if len(problems) > 0 || len(good) == 0 || rejects != "" {
				t.Errorf("%q: %q", row, problems)
			}
			continue
		}
		if len(problems) != 1 || !strings.HasSuffix(problems[0], " "+want) || !strings.Contains(rejects, "sku,on_hand,reason\n") {
			t.Errorf("%q: got %q, want %q", row, problems, want)
		}
	}
}
