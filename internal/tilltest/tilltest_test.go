package tilltest

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"cafe/model"
	"cafe/model/till"
)

// sampleMenu reads the menu that `cafe serve` starts with.
func sampleMenu(t *testing.T) model.Menu {
	t.Helper()
	content, err := os.ReadFile("../../cmd/cafe/sample_menu.csv")
	if err != nil {
		t.Fatal(err)
	}
	file, err := till.ReadMenu(t.Context(), bytes.NewReader(content), till.Rules{})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	menu := model.Menu{}
	for row, err := range file.All() {
		if err != nil {
			t.Fatal(err)
		}
		menu[row.Item.SKU] = row.Item
	}
	return menu
}

func made(t *testing.T, o Options) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTheSameOptionsMakeTheSameFile(t *testing.T) {
	one := made(t, Options{Seed: 1, Days: 30})
	if again := made(t, Options{Seed: 1, Days: 30}); again != one {
		t.Error("the file differs from one run to the next")
	}
	if other := made(t, Options{Seed: 2, Days: 30}); other == one {
		t.Error("another seed makes the same file")
	}
}

func TestEveryRowIsReadWithTheSampleMenu(t *testing.T) {
	text := made(t, Options{Seed: 1, Days: 365})
	zone, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	file, err := till.ReadOrders(t.Context(), strings.NewReader(text), till.Rules{Calendar: model.Calendar{Zone: zone}, Menu: sampleMenu(t), Ignore: NoSale})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	orders, days, doubles := 0, map[string]bool{}, 0
	for order, err := range file.All() {
		if err != nil {
			t.Fatal(err)
		}
		if len(order.Problems) > 0 {
			t.Fatalf("order %s: %v", order.ID, order.Problems)
		}
		orders++
		days[order.Date] = true
		for _, line := range order.Lines {
			if line.Quantity > 1 {
				doubles++
			}
		}
	}
	if len(days) != 362 || days["2025-12-25"] || days["2025-12-26"] || days["2026-01-01"] {
		t.Errorf("%d days have sales; all of a year but three should", len(days))
	}
	if orders < 15_000 || doubles < 1_000 {
		t.Errorf("%d orders, %d lines of more than one unit: too few for a year", orders, doubles)
	}
}

func TestAFileHasTheQuirksOfARealOne(t *testing.T) {
	text := made(t, Options{Seed: 1, Days: 60})
	for _, quirk := range []string{",9:0", ",NONE\n", ",Adjustment\n"} {
		if !strings.Contains(text, quirk) {
			t.Errorf("no row has %q", quirk)
		}
	}
	rows := strings.Split(strings.TrimSpace(text), "\n")
	equal := 0
	for i := 1; i < len(rows); i++ {
		if rows[i] == rows[i-1] {
			equal++
		}
	}
	if equal < 100 {
		t.Errorf("%d rows are equal to the one before, want 100 or more", equal)
	}
}
