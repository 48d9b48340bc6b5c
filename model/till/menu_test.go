package till

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"cafe/model"
	"cafe/model/till/parse"
)

func showItem(m MenuItem) (Entry, string) {
	i := m.Item
	shown := fmt.Sprintf("%s|%s|%s|%s|%t|%t", i.SKU, i.Name, i.Category, i.Price.Major("GBP"), i.Counted, i.Active)
	if i.TaxClass != "" {
		shown += "|" + i.TaxClass
	}
	for _, o := range i.Options {
		shown += fmt.Sprintf("|%s=%s@%s", o.ID, o.Name, o.Price.Major("GBP"))
	}
	return m.Entry, shown
}

func TestMenu(t *testing.T) {
	known := rules(t)
	known.Menu = model.Menu{"tea": {SKU: "tea", Name: "Tea", Category: "hot", TaxClass: "drinks", Price: 240, Counted: true, Options: []model.Option{{ID: "oat", Name: "Oat", Price: 1}}}}
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"every column": {
			"sku,name,category,price,counted,active,options\n" +
				"coffee,Coffee,coffee,2.80,false,true,oat:Oat milk:0.40;shot:Extra: hot shot:0.60\n" +
				"bread,\"Bread, sliced\",bakery,4.2,YES,0,\n" +
				"bread,\"Bread, sliced\",bakery,4.20,true,no,;\n",
			[]string{"bread|Bread, sliced|bakery|4.20|true|false", "coffee|Coffee|coffee|2.80|false|true|oat=Oat milk@0.40|shot=Extra: hot shot@0.60"},
		},
		"tax classes": {
			"sku,name,price,Tax class\npie,Pie,3.00,cold-food\nsoup,Soup,4.00,standard\ncup,Cup,4.00,\n",
			[]string{"cup|Cup||4.00|false|true", "pie|Pie||3.00|false|true|cold-food", "soup|Soup||4.00|false|true"},
		},
		"names in another Unicode form": {
			"sku,name,category,price,options\ncb,Cre\u0300me,Cafe\u0301,4.50,a:E\u0301:0\n",
			[]string{"cb|Crème|Café|4.50|false|true|a=É@0.00"},
		},
		"a new item, columns left out": {
			"Price,SKU,Name\n1,bun,Bun\n",
			[]string{"bun|Bun||1.00|false|true"},
		},
		"a known item keeps what the file does not tell": {
			"Price,SKU,Name,active\n2.5,tea,Green tea,\n",
			[]string{"tea|Green tea|hot|2.50|true|false|drinks|oat=Oat@0.01"},
		},
		"a known item loses what the file leaves empty": {
			"Price,SKU,Name,category,options\n2.5,tea,Green tea,,\n",
			[]string{"tea|Green tea||2.50|true|false|drinks"},
		},
	} {
		f, err := ReadMenu(t.Context(), strings.NewReader(c.text), known)
		good, problems, _ := importAll(t, f, err, showItem)
		if !slices.Equal(good, c.want) || len(problems) > 0 {
			t.Errorf("%s: got %q, %q", name, good, problems)
		}
	}
}

func TestMenuRowsThatAreWrong(t *testing.T) {
	for row, want := range map[string]string{
		"b n,Bun,,1,,,":                    `sku: "b n" must be 1 to 64 characters of A–Z, a–z, 0–9, _ and -`,
		",Bun,,1,,,":                       "sku: must be 1 to 64 characters of A–Z, a–z, 0–9, _ and -",
		"TEA,Tea,,1,,,":                    `sku: "TEA" is on the menu as "tea"`,
		"bun,,,1,,,":                       "name: must not be empty",
		"bun,B\x01,,1,,,":                  `name: "B\x01" must not contain control characters`,
		"bun,B\xff,,1,,,":                  "name: is not UTF-8 text; save the file as CSV UTF-8",
		"bun,Bun,,,,,":                     "price: is not an amount such as 4.20",
		"bun,Bun,,one,,,":                  `price: "one" is not an amount such as 4.20`,
		"bun,Bun,,-1,,,":                   `price: "-1" is not from 0 to 1000000.00`,
		"bun,Bun,,1,maybe,,":               `counted: "maybe" is not true or false`,
		"bun,Bun,,1,,2,":                   `active: "2" is not true or false`,
		"bun,Bun,,1,,,oat":                 `options: "oat" is not options such as oat:Oat milk:0.40;shot:Extra shot:0.60`,
		"bun,Bun,,1,,,oat:Oat:x":           `options: "oat:Oat:x" is not an amount such as 4.20`,
		"bun,Bun,,1,,,o t:Oat:1":           `options: "o t:Oat:1" option 1: id must be 1 to 64 characters of A–Z, a–z, 0–9, _ and -`,
		"bun,Bun,,1,,,a:A:1;a:B:2":         `options: "a:A:1;a:B:2" option 2: id appears twice`,
		"bun,Bun,,1":                       "the row has 4 cells and the header has 7",
		"bun,Bun,,1,,,\nbun,Bun,,2,,,":     `sku: "bun" is not what line 2 says of the same item`,
		"bun,Bun,,1,,,\nBun,Bun,,1,,,":     `sku: "Bun" is not what line 2 says of the same item`,
		"bun,Bun,,1,,,\nbun,Bun,,1,,,o::1": `options: "o::1" option 1: name must not be empty`,
	} {
		f, err := ReadMenu(t.Context(), strings.NewReader("sku,name,category,price,counted,active,options\n"+row+"\n"), rules(t))
		good, problems, rejects := importAll(t, f, err, showItem)
		if len(good) != 0 || len(problems) != 1 || !strings.HasSuffix(problems[0], " "+want) || strings.Count(rejects, "\n") != strings.Count(row, "\n")+2 {
			t.Errorf("%q: got %q and %q, want %q", row, good, problems, want)
		}
	}
}

func TestATaxClassThatIsNone(t *testing.T) {
	for row, want := range map[string]string{
		"bun,Bun,1,cold food":                `tax_class: "cold food" must be 1 to 64 characters of A–Z, a–z, 0–9, _ and -`,
		"bun,Bun,1,food\nbun,Bun,1,standard": `sku: "bun" is not what line 2 says of the same item`,
	} {
		f, err := ReadMenu(t.Context(), strings.NewReader("sku,name,price,tax_class\n"+row+"\n"), rules(t))
		good, problems, _ := importAll(t, f, err, showItem)
		if len(good) != 0 || len(problems) != 1 || !strings.HasSuffix(problems[0], " "+want) {
			t.Errorf("%q: got %q and %q, want %q", row, good, problems, want)
		}
	}
}

func TestItemsThatShareAName(t *testing.T) {
	f := newFinder(model.Menu{
		"pie":   {SKU: "pie", Name: "Apple pie", Active: true},
		"pie16": {SKU: "pie16", Name: "APPLE PIE"},
		"tart":  {SKU: "tart", Name: "pie", Active: true},
		"a":     {SKU: "a", Name: "Twin", Active: true},
		"b":     {SKU: "b", Name: "twin", Active: true},
		"Cup":   {SKU: "Cup", Name: "Cup", Active: true},
		"cup":   {SKU: "cup", Name: "Mug", Active: true},
	})
	for text, want := range map[string]string{
		"apple  pie": "pie", // the other is retired
		"PIE":        "pie", // a SKU counts before a name
		"Cup":        "Cup", // as it is written
		"cup":        "cup",
		"CUP":        "",
		"Twin":       "",
		"":           "",
	} {
		item, reason := f.find(text, parse.FoldItem(text))
		if item.SKU != want || (reason == "") != (want != "") {
			t.Errorf("%q: got %q, %q", text, item.SKU, reason)
		}
	}
}
