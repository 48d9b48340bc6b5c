package model

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

var testMenu = Menu{
	"latte": {SKU: "latte", Name: "Latte", Price: 350, Active: true, Options: []Option{{"oat", "Oat milk", 40}, {"shot", "Extra shot", 60}}},
	"cake":  {SKU: "cake", Name: "Cake", Price: 340, Active: true, Counted: true},
	"soup":  {SKU: "soup", Name: "Soup", Price: 480},
	"gold":  {SKU: "gold", Name: "Gold", Price: MaxPrice, Active: true},
}

func TestPricesComeFromTheMenu(t *testing.T) {
	lines, total, err := testMenu.Price([]DraftLine{
		{SKU: "latte", Quantity: 2, Options: []string{"oat", "shot"}, Note: "hot"},
		{SKU: "cake", Quantity: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	if total != 2*(350+40+60)+340 || lines[0].Total != 900 || lines[0].UnitPrice != 350 || lines[0].Note != "hot" {
		t.Errorf("lines %+v, total %d", lines, total)
	}
	if lines[0].Counted || !lines[1].Counted || Units(lines)["cake"] != 1 || len(Units(lines)) != 1 {
		t.Errorf("counted units %v", Units(lines))
	}
}

func TestPriceNamesEveryLineAtFault(t *testing.T) {
	_, _, err := testMenu.Price([]DraftLine{
		{SKU: "latte", Quantity: 1, Options: []string{"oat", "cream", "oat"}},
		{SKU: "soup", Quantity: 1},
		{SKU: "tea", Quantity: 1},
	})
	wantFaults(t, err, "/lines/0/options/1", "/lines/0/options/2", "/lines/1/sku", "/lines/2/sku")
}

func TestTheLargestOrderIsExactInEveryJSONReader(t *testing.T) {
	lines := slices.Repeat([]DraftLine{{SKU: "gold", Quantity: MaxQuantity}}, MaxLines)
	_, total, err := testMenu.Price(lines)
	if err != nil || total != MaxPrice*MaxQuantity*MaxLines || total >= 1<<53 {
		t.Errorf("total %d, %v", total, err)
	}
	menu := Menu{"x": {SKU: "x", Price: 1 << 62, Active: true}}
	if _, _, err := menu.Price([]DraftLine{{SKU: "x", Quantity: 4}}); err == nil {
		t.Error("a product beyond 64 bits was not refused")
	}
	if _, _, err := menu.Price([]DraftLine{{SKU: "x", Quantity: 1}, {SKU: "x", Quantity: 1}}); err == nil {
		t.Error("a sum beyond 64 bits was not refused")
	}
}

func TestDraftNamesEveryFieldAtFault(t *testing.T) {
	good := []DraftLine{{SKU: "latte", Quantity: 1}}
	for name, c := range map[string]struct {
		draft Draft
		want  []string
	}{
		"no lines":            {Draft{}, []string{"/lines"}},
		"too many lines":      {Draft{Lines: slices.Repeat(good, MaxLines+1)}, []string{"/lines"}},
		"quantity zero":       {Draft{Lines: []DraftLine{{SKU: "latte"}}}, []string{"/lines/0/quantity"}},
		"quantity negative":   {Draft{Lines: []DraftLine{{SKU: "latte", Quantity: -1}}}, []string{"/lines/0/quantity"}},
		"quantity huge":       {Draft{Lines: []DraftLine{{SKU: "latte", Quantity: 101}}}, []string{"/lines/0/quantity"}},
		"sku and customer":    {Draft{CustomerID: "a b", Lines: []DraftLine{{SKU: "lat te", Quantity: 1}}}, []string{"/customer_id", "/lines/0/sku"}},
		"a walk-in's account": {Draft{Payment: TermsAccount, Lines: good}, []string{"/payment"}},
		"unknown payment":     {Draft{Payment: "barter", Lines: good}, []string{"/payment"}},
		"a long note":         {Draft{Note: strings.Repeat("é", MaxNote+1), Lines: good}, []string{"/note"}},
		"a bell in a note":    {Draft{Lines: []DraftLine{{SKU: "latte", Quantity: 1, Note: "\a"}}}, []string{"/lines/0/note"}},
		"many options":        {Draft{Lines: []DraftLine{{SKU: "latte", Quantity: 1, Options: slices.Repeat([]string{"oat"}, 21)}}}, []string{"/lines/0/options"}},
	} {
		t.Run(name, func(t *testing.T) { wantFaults(t, c.draft.Validate(), c.want...) })
	}
	ok := Draft{CustomerID: "alice", Payment: TermsAccount, Lines: good, Note: strings.Repeat("é", MaxNote-1) + "\n"}
	if err := ok.Validate(); err != nil {
		t.Errorf("a good draft is refused: %v", err)
	}
}

func TestItemNamesEveryFieldAtFault(t *testing.T) {
	wantFaults(t, Item{SKU: "a b", Price: -1, Category: "x\ny", Options: []Option{
		{"oat", "Oat", 1}, {"oat", "Oat", MaxPrice + 1}, {"", "", 0},
	}}.Validate(), "/sku", "/name", "/category", "/price", "/options/1/id", "/options/1/price", "/options/2/id", "/options/2/name")
	if err := testMenu["latte"].Validate(); err != nil {
		t.Error(err)
	}
}

func wantFaults(t *testing.T, err error, want ...string) {
	t.Helper()
	var invalid Invalid
	errors.As(err, &invalid)
	var got []string
	for _, f := range invalid {
		got = append(got, f.Field)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("at fault: %v, want %v (%v)", got, want, err)
	}
}

// Case 11 in docs/reliability.md: every move in the table of the contract.
func TestEveryPairOfStatusesByRole(t *testing.T) {
	const nobody, staffUp, ownerOnly, all = "", "staff owner", "owner", "customer staff owner"
	may := map[[2]Status]string{
		{StatusPlaced, StatusPreparing}:    staffUp,
		{StatusPlaced, StatusCancelled}:    all,
		{StatusPreparing, StatusReady}:     staffUp,
		{StatusPreparing, StatusCancelled}: staffUp,
		{StatusReady, StatusCollected}:     staffUp,
		{StatusReady, StatusCancelled}:     staffUp,
		{StatusCollected, StatusRefunded}:  ownerOnly,
	}
	for _, from := range Statuses {
		for _, to := range Statuses {
			for _, role := range []Role{RoleCustomer, RoleStaff, RoleOwner, ""} {
				want := role != "" && slices.Contains(strings.Fields(may[[2]Status{from, to}]), string(role))
				if got := from.MayBecome(to) && role.MayMove(from, to); got != want {
					t.Errorf("%q may move %s → %s: %v, want %v", role, from, to, got, want)
				}
			}
		}
	}
}
