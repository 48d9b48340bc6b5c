package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cafe/api"
	"cafe/model"
	"cafe/model/pricing"
)

// document has one of everything; the prices of testMenu are easy to reckon with it.
const document = `{"rounding":"half_up",` +
	`"taxes":[{"id":"vat","name":"VAT","rate":"20","inclusive":true,"applies":[{"class":"standard"},{"class":"cold-food","dining":"eat_in"}]},` +
	`{"id":"zero","name":"VAT 0%","rate":"0","inclusive":true,"applies":[{"class":"cold-food","dining":"takeaway"}]},` +
	`{"id":"city","name":"City tax","rate":"1.5","inclusive":false,"applies":[{"class":"standard","dining":"eat_in"}]}],` +
	`"charges":[{"id":"service","name":"Service","percent":"12.5","dining":["eat_in"]}],` +
	`"offers":[{"id":"bakery","name":"Cakes","percent":"20","categories":["bakery"]},` +
	`{"id":"student","name":"Student","amount":100,"code":"STUDENT"}]}`

// priced opens a service whose owner has set the document.
func priced(t *testing.T) *service {
	t.Helper()
	s := open(t)
	s.call(olivia, "PUT", "/pricing", document).want(201)
	return s
}

func TestThePricingDocumentIsReadBack(t *testing.T) {
	s := open(t)
	s.call(nobody, "GET", "/pricing", "").wantProblem(404, "not-found")
	first := s.call(olivia, "PUT", "/pricing", document).want(201)
	if first.header.Get("ETag") != `"1"` || string(first.body) != document {
		t.Errorf("put %s, %s", first.header.Get("ETag"), first.body)
	}
	read := s.call(nobody, "GET", "/pricing", "").want(200)
	if read.header.Get("ETag") != `"1"` || string(read.body) != document {
		t.Errorf("read %s, %s", read.header.Get("ETag"), read.body)
	}
	s.call(nobody, "GET", "/pricing", "", `If-None-Match: "1"`).want(304)
	s.call(nobody, "HEAD", "/pricing", "", `If-None-Match: "0"`).want(200)

	// What does not count may be null, and who sends what they read changes nothing.
	nulls := `{"rounding":null,"charges":null,"offers":[{"id":"a","name":"A","percent":"5","amount":null,"skus":null,"categories":[],"days":[],"from":null,"to":null,` +
		`"starts_on":null,"ends_on":null,"code":null,"roles":[]}]}`
	second := s.call(olivia, "PUT", "/pricing", nulls).want(200)
	if want := `{"rounding":"half_up","taxes":[],"charges":[],"offers":[{"id":"a","name":"A","percent":"5"}]}`; string(second.body) != want || second.header.Get("ETag") != `"2"` {
		t.Errorf("put %s, %s", second.header.Get("ETag"), second.body)
	}
	if same := s.call(olivia, "PUT", "/pricing", string(second.body)).want(200); same.header.Get("ETag") != `"2"` {
		t.Errorf("the same document again is version %s", same.header.Get("ETag"))
	}
	if n := s.stored("T#"); n != 2 {
		t.Errorf("%d versions are stored", n)
	}
}

func TestChangesOfPricingHonourPreconditions(t *testing.T) {
	s := open(t)
	const empty = `{"taxes":[],"charges":[],"offers":[]}`
	for _, header := range []string{`If-Match: *`, `If-Match: "0"`, `If-Match: "1"`} {
		s.call(olivia, "PUT", "/pricing", document, header).wantProblem(412, "precondition-failed")
	}
	s.call(olivia, "PUT", "/pricing", document, "If-None-Match: *").want(201)
	for _, header := range []string{"If-None-Match: *", `If-None-Match: "1"`, `If-Match: "2"`, `If-Match: W/"1"`} {
		s.call(olivia, "PUT", "/pricing", empty, header).wantProblem(412, "precondition-failed")
	}
	if got := s.call(nobody, "GET", "/pricing", "").want(200); string(got.body) != document {
		t.Errorf("it is %s", got.body)
	}
	s.call(olivia, "PUT", "/pricing", empty, `If-Match: "1"`).want(200)
	s.call(olivia, "PUT", "/pricing", document, `If-Match: "1"`).wantProblem(412, "precondition-failed")
	s.call(olivia, "PUT", "/pricing", document, `If-Match: *`).want(200)
}

func TestBadPricingIsRefusedByField(t *testing.T) {
	s := priced(t)
	tax := func(members string) string { return `{"taxes":[{"id":"t","name":"T",` + members + `}]}` }
	offer := func(members string) string { return `{"offers":[{"id":"o","name":"O",` + members + `}]}` }
	const on = `"applies":[{"class":"standard"}]`
	for body, fields := range map[string]string{
		`[]`:                     "",
		`{"tax":[]}`:             "/tax",
		`{"rounding":"up"}`:      "/rounding",
		`{"taxes":{}}`:           "/taxes",
		`{"taxes":[null]}`:       "/taxes/0/inclusive",
		tax(`"rate":"20",` + on): "/taxes/0/inclusive",
		tax(`"rate":"20",` + on + `,"inclusive":null`):                                "/taxes/0/inclusive",
		tax(`"rate":20,` + on + `,"inclusive":true`):                                  "/taxes/0/rate",
		tax(`"rate":"100",` + on + `,"inclusive":true`):                               "/taxes/0/rate",
		tax(`"rate":"-1",` + on + `,"inclusive":true`):                                "/taxes/0/rate",
		tax(`"rate":"8.87512",` + on + `,"inclusive":false`):                          "/taxes/0/rate",
		tax(`"rate":"20","inclusive":true`):                                           "/taxes/0/applies",
		tax(`"rate":"20","inclusive":true,"applies":[{"class":"a b"}]`):               "/taxes/0/applies/0/class",
		tax(`"rate":"20","inclusive":true,"applies":[{"class":"a","dining":"here"}]`): "/taxes/0/applies/0/dining",
		tax(`"rate":"20","inclusive":true,"applies":[{"class":"a","x":1}]`):           "/taxes/0/applies/0/x",
		`{"taxes":[{"id":"a","name":"VAT","rate":"20","inclusive":true,` + on + `},{"id":"b","name":"VAT","rate":"20.0","inclusive":true,` + on + `}]}`: "/taxes/1/name",
		`{"taxes":[{"id":"a","name":"A","rate":"60","inclusive":true,` + on + `},{"id":"a","name":"B","rate":"40","inclusive":true,` + on + `}]}`:       "/taxes/1/id /taxes/1/rate",
		`{"charges":[{"id":"c","name":"C","percent":"101"}]}`:                                  "/charges/0/percent",
		`{"charges":[{"id":"c","name":"C","percent":"1","dining":["eat_in","eat_in"]}]}`:       "/charges/0/dining/1",
		offer(`"percent":"20","amount":1`):                                                     "/offers/0",
		offer(`"amount":1.5`):                                                                  "/offers/0/amount",
		offer(`"amount":-1`):                                                                   "/offers/0/amount",
		offer(`"percent":"101"`):                                                               "/offers/0/percent",
		offer(`"percent":"20","from":"15:00","to":"15:00"`):                                    "/offers/0/to",
		offer(`"percent":"20","from":"25:00"`):                                                 "/offers/0/from",
		offer(`"percent":"20","days":["monday"]`):                                              "/offers/0/days/0",
		offer(`"percent":"20","days":["mon"],"starts_on":"2017-03-18","ends_on":"2017-03-19"`): "/offers/0/days",
		offer(`"percent":"20","starts_on":"2017-02-29"`):                                       "/offers/0/starts_on",
		offer(`"percent":"20","roles":["guest"]`):                                              "/offers/0/roles/0",
		offer(`"percent":"20","skus":["` + strings.Repeat(`a","`, 100) + `a"]`):                "/offers/0/skus",
	} {
		s.call(olivia, "PUT", "/pricing", body).wantProblem(422, "validation", strings.Split(fields, " ")...)
	}
	s.call(olivia, "PUT", "/pricing", `{"taxes":[],"taxes":[]}`).wantProblem(400, "malformed-request", "/taxes")
	s.call(olivia, "PUT", "/pricing", `{"taxes":[]`).wantProblem(400, "malformed-request", "")
	s.call(olivia, "PUT", "/pricing", `{"offers":[{"id":"`+strings.Repeat("a", 256<<10)+`"}]}`).wantProblem(413, "body-too-large")
	if got := s.call(nobody, "GET", "/pricing", "").want(200); string(got.body) != document || got.header.Get("ETag") != `"1"` {
		t.Errorf("it is %s", got.body)
	}
}

func TestAnOrderShowsWhatItsPriceIsMadeOf(t *testing.T) {
	s := priced(t)
	a := s.call(sam, "POST", "/orders", `{"dining":"eat_in","tip":50,"codes":["student"],"lines":[{"sku":"latte","quantity":1},{"sku":"cake","quantity":1}],`+
		`"discounts":[{"name":"Broken cup","percent":"50","lines":[0]}]}`).want(201)
	// The cake is 272 after its offer, the latte 175 after the discount: 447. 100 is taken
	// from both: 136 and 211 are left. Service is 12.5 % of 347: 43.
	for field, want := range map[string]string{
		"dining": "eat_in", "codes": `["student"]`, "subtotal": "690",
		"discounts": `[{"id":"bakery","name":"Cakes","amount":68},{"id":null,"name":"Broken cup","amount":175},{"id":"student","name":"Student","amount":100}]`,
		"charges":   `[{"id":"service","name":"Service","amount":43,"taxes":[{"id":"vat","amount":7},{"id":"city","amount":0}]}]`,
		"taxes":     `[{"id":"vat","name":"VAT","rate":"20","inclusive":true,"net":325,"amount":65},{"id":"city","name":"City tax","rate":"1.5","inclusive":false,"net":325,"amount":5}]`,
		"tip":       "50", "total": "445",
	} {
		if got := a.get(field); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	var o struct {
		ID    string
		Lines []struct {
			Total, Discount int64
			Taxes           []struct {
				ID     string
				Amount int64
			}
		}
	}
	a.json(&o)
	if l := o.Lines; l[0].Discount+l[1].Discount != 68+175+100 || l[0].Taxes[0].Amount+l[1].Taxes[0].Amount+7 != 65 || l[1].Total != 340 {
		t.Errorf("lines %+v", l)
	}
	if read := s.call(sam, "GET", "/orders/"+o.ID, "").want(200); string(read.body) != string(a.body) {
		t.Errorf("reads %s\nplaced %s", read.body, a.body)
	}
	// Another document leaves it as it is, wherever it is shown, and what becomes of it.
	s.call(olivia, "PUT", "/pricing", `{"taxes":[]}`).want(200)
	if read := s.call(sam, "GET", "/orders/"+o.ID, "").want(200); string(read.body) != string(a.body) {
		t.Errorf("reads %s\nplaced %s", read.body, a.body)
	}
	if list := s.call(sam, "GET", "/orders", "").want(200).get("orders"); list != "["+string(a.body)+"]" {
		t.Errorf("the list has %s", list)
	}
	amended := s.call(sam, "PATCH", "/orders/"+o.ID, `{"lines":[{"sku":"cake","quantity":2},{"sku":"latte","quantity":1}]}`, `If-Match: "1"`).want(200)
	if got := amended.get("discounts"); got != `[{"id":"bakery","name":"Cakes","amount":136},{"id":null,"name":"Broken cup","amount":175},{"id":"student","name":"Student","amount":100}]` {
		t.Errorf("amended discounts %s", got)
	}
	s.call(sam, "PATCH", "/orders/"+o.ID, `{"lines":[{"sku":"cake","quantity":2},{"sku":"latte","quantity":1}]}`, `If-Match: "2"`).want(200)
	if got := s.call(sam, "GET", "/orders/"+o.ID, "").get("version"); got != "2" {
		t.Errorf("the same lines again make version %s", got)
	}
	if moved := s.call(sam, "PUT", "/orders/"+o.ID+"/status", `{"status":"preparing"}`).want(200); moved.get("taxes") != amended.get("taxes") || moved.get("total") != amended.get("total") {
		t.Errorf("moved %s", moved.body)
	}
}

func TestAnOrderWithoutPricingIsAsBefore(t *testing.T) {
	s := open(t)
	a := s.call(alice, "POST", "/orders", latte).want(201)
	for field, want := range map[string]string{
		"dining": "takeaway", "codes": "[]", "subtotal": "780", "discounts": "[]", "charges": "[]", "taxes": "[]", "tip": "0", "total": "780",
	} {
		if got := a.get(field); got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	if got := s.call(alice, "POST", "/orders", `{"tip":20,"lines":[{"sku":"tea","quantity":1}]}`).want(201); got.get("total") != "260" || got.get("subtotal") != "240" {
		t.Errorf("a tip without pricing: %s", got.body)
	}
}

// "Bad input" of the contract: nothing is stored.
func TestBadExtrasAreRefusedByField(t *testing.T) {
	s := priced(t)
	with := func(members string) string {
		return `{"lines":[{"sku":"tea","quantity":1},{"sku":"latte","quantity":1}],` + members + `}`
	}
	for _, c := range []struct {
		who, members string
		fields       string
	}{
		{alice, `"discounts":[{"name":"For me","percent":"10"}]`, "/discounts"},
		{sam, `"discounts":[{"percent":"10"}]`, "/discounts/0/name"},
		{sam, `"discounts":[{"name":"N"}]`, "/discounts/0"},
		{sam, `"discounts":[{"name":"N","percent":"10","amount":5}]`, "/discounts/0"},
		{sam, `"discounts":[{"name":"N","percent":"100.0001"}]`, "/discounts/0/percent"},
		{sam, `"discounts":[{"name":"N","percent":"half"}]`, "/discounts/0/percent"},
		{sam, `"discounts":[{"name":"N","percent":10}]`, "/discounts/0/percent"},
		{sam, `"discounts":[{"name":"N","amount":-1}]`, "/discounts/0/amount"},
		{sam, `"discounts":[{"name":"N","amount":1.5}]`, "/discounts/0/amount"},
		{sam, `"discounts":[{"name":"N","amount":1,"lines":[2]}]`, "/discounts/0/lines/0"},
		{sam, `"discounts":[{"name":"N","amount":1,"lines":[-1]}]`, "/discounts/0/lines/0"},
		{sam, `"discounts":[{"name":"N","amount":1,"lines":[0,0]}]`, "/discounts/0/lines/1"},
		{sam, `"discounts":[{"name":"N","amount":1,"lines":[]}]`, "/discounts/0/lines"},
		{sam, `"discounts":[{"name":"N","amount":1,"lines":[0,1,2]}]`, "/discounts/0/lines"},
		{sam, `"discounts":[{"name":"N","amount":1,"x":1}]`, "/discounts/0/x"},
		{sam, `"discounts":null`, "/discounts"},
		{alice, `"tip":-1`, "/tip"},
		{alice, `"tip":1000000000001`, "/tip"},
		{alice, `"tip":"1"`, "/tip"},
		{alice, `"tip":null`, "/tip"},
		{alice, `"dining":"here"`, "/dining"},
		{alice, `"dining":""`, "/dining"},
		{alice, `"codes":["STAFF"]`, "/codes/0"},
		{alice, `"codes":["STUDENT","student"]`, "/codes/1"},
		{alice, `"codes":"STUDENT"`, "/codes"},
		{alice, `"codes":["1","2","3","4","5","6","7","8","9","10","11"]`, "/codes"},
		{alice, `"quote":"AQAAAABYzQmz"`, "/quote"},
		{alice, `"quote":""`, "/quote"},
		{alice, `"quote":"` + strings.Repeat("A", 40_000) + `"`, "/quote"},
		{alice, `"total":1`, "/total"},
	} {
		for _, path := range []string{"/orders", "/orders/quote"} {
			s.call(c.who, "POST", path, with(c.members)).wantProblem(422, "validation", strings.Fields(c.fields)...)
		}
	}
	if n := s.stored("O#"); n != 0 {
		t.Errorf("%d orders were stored", n)
	}
}

func TestAnOrderHonoursItsQuote(t *testing.T) {
	s := priced(t)
	const body = `{"dining":"eat_in","codes":["STUDENT"],"lines":[{"sku":"latte","quantity":2,"options":["oat"]},{"sku":"cake","quantity":1}]`
	quoted := s.call(alice, "POST", "/orders/quote", body+`,"tip":10,"note":"n"}`).want(200)
	if n := s.stored("O#"); n != 0 || s.call(sam, "GET", "/stock", "").get("stock") != `[{"sku":"cake","name":"Cake","on_hand":10}]` {
		t.Error("asking for a quote stored something")
	}
	expires, err := time.Parse(time.RFC3339, quoted.get("expires_at"))
	if left := time.Until(expires); err != nil || left > 15*time.Minute || left < 14*time.Minute {
		t.Errorf("expires in %v, %v", left, err)
	}
	// Everything changes.
	s.call(sam, "PUT", "/menu/latte", `{"name":"Flat white","price":999}`).want(200)
	s.call(olivia, "PUT", "/pricing", `{"taxes":[]}`).want(200)
	with := func(rest string) string { return body + `,"quote":"` + quoted.get("quote") + `"` + rest + `}` }
	placed := s.call(alice, "POST", "/orders", with(`,"tip":10,"note":"another"`), "Idempotency-Key: k").want(201)
	for _, field := range []string{"subtotal", "discounts", "charges", "taxes", "tip", "total", "lines", "dining", "codes", "payment"} {
		if placed.get(field) != quoted.get(field) {
			t.Errorf("%s is %s, quoted %s", field, placed.get(field), quoted.get(field))
		}
	}
	if read := s.call(alice, "GET", "/orders/"+placed.get("id"), "").want(200); string(read.body) != string(placed.body) {
		t.Errorf("reads %s\nplaced %s", read.body, placed.body)
	}
	if again := s.call(alice, "POST", "/orders", with(`,"tip":10,"note":"another"`), "Idempotency-Key: k").want(201); string(again.body) != string(placed.body) {
		t.Errorf("with its key again: %s", again.body)
	}
	if tipped := s.call(alice, "POST", "/orders", with(`,"tip":500`)).want(201); tipped.get("tip") != "500" {
		t.Errorf("with another tip: %s", tipped.body)
	}

	orders := s.stored("O#")
	s.call(alice, "POST", "/orders", strings.Replace(with(""), `"quantity":2`, `"quantity":3`, 1)).wantProblem(422, "quote-mismatch")
	s.call(alice, "POST", "/orders", strings.Replace(with(""), `eat_in`, `takeaway`, 1)).wantProblem(422, "quote-mismatch")
	s.call(bob, "POST", "/orders", with("")).wantProblem(422, "validation", "/quote")
	s.call(sam, "POST", "/orders", strings.Replace(with(""), `{`, `{"customer_id":"alice",`, 1)).wantProblem(422, "validation", "/quote")
	flipped := []byte(quoted.get("quote"))
	flipped[len(flipped)/2] ^= 1
	s.call(alice, "POST", "/orders", body+`,"quote":"`+string(flipped)+`"}`).wantProblem(422, "validation", "/quote")
	s.call(alice, "POST", "/orders/quote", with("")).wantProblem(422, "validation", "/quote")
	s.call(alice, "POST", "/orders", with(`,"tip":-1`)).wantProblem(422, "validation", "/tip")
	if n := s.stored("O#"); n != orders {
		t.Errorf("%d orders were stored", n-orders)
	}
}

// A cursor is no quote, though both are signed by what is derived of one key.
func TestAnExpiredQuoteIsRefused(t *testing.T) {
	s := open(t)
	draft := model.Draft{CustomerID: "alice", Dining: model.DiningTakeaway, Lines: []model.DraftLine{{SKU: "tea", Quantity: 1}}}
	var none *pricing.Tariff
	at := time.Now().Add(-pricing.QuoteLife - time.Second)
	menu, err := s.cafe.Menu(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	bill, err := none.Price(draft, menu, pricing.Visit{Role: model.RoleCustomer, At: at})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key    []byte
		at     time.Time
		status int
		kind   string
		field  []string
	}{
		{api.QuoteKey([]byte("0123456789abcdef")), at, 422, "quote-expired", nil},
		{[]byte("0123456789abcdef"), time.Now(), 422, "validation", []string{"/quote"}},
	} {
		text, err := pricing.NewQuote(draft, bill, "customer/alice", c.at).Sign(c.key)
		if err != nil {
			t.Fatal(err)
		}
		s.call(alice, "POST", "/orders", `{"lines":[{"sku":"tea","quantity":1}],"quote":"`+text+`"}`).wantProblem(c.status, c.kind, c.field...)
	}
	if n := s.stored("O#"); n != 0 {
		t.Errorf("%d orders were stored", n)
	}
}

func TestTheMenuShowsPricesWhereTheyAreEaten(t *testing.T) {
	s := priced(t)
	s.call(sam, "PUT", "/menu/sandwich", `{"name":"Sandwich","price":520,"tax_class":"cold-food"}`).want(201)
	price := func(query, sku string) string {
		t.Helper()
		var menu struct {
			Items []struct {
				SKU   string
				Price int64
				With  *int64          `json:"price_with_taxes"`
				Class string          `json:"tax_class"`
				Taxes json.RawMessage `json:"taxes"`
			}
		}
		s.call(nobody, "GET", "/menu"+query, "").want(200).json(&menu)
		for _, i := range menu.Items {
			if i.SKU == sku {
				b, _ := json.Marshal([]any{i.Price, i.With, i.Class})
				return string(b) + string(i.Taxes)
			}
		}
		t.Fatal("no ", sku)
		return ""
	}
	for _, c := range []struct{ query, sku, want string }{
		{"", "tea", `[240,null,"standard"]`},
		{"?dining=takeaway", "tea", `[240,240,"standard"][{"id":"vat","name":"VAT","rate":"20","inclusive":true,"net":200,"amount":40}]`},
		{"?dining=eat_in", "tea", `[240,243,"standard"][{"id":"vat","name":"VAT","rate":"20","inclusive":true,"net":200,"amount":40},{"id":"city","name":"City tax","rate":"1.5","inclusive":false,"net":200,"amount":3}]`},
		{"?dining=takeaway", "sandwich", `[520,520,"cold-food"][{"id":"zero","name":"VAT 0%","rate":"0","inclusive":true,"net":520,"amount":0}]`},
		{"?dining=eat_in", "sandwich", `[520,520,"cold-food"][{"id":"vat","name":"VAT","rate":"20","inclusive":true,"net":433,"amount":87}]`},
	} {
		if got := price(c.query, c.sku); got != c.want {
			t.Errorf("%s at %q: %s, want %s", c.sku, c.query, got, c.want)
		}
	}
	s.call(nobody, "GET", "/menu?dining=here", "").wantProblem(400, "malformed-request", "dining")
	tags := map[string]bool{}
	for _, query := range []string{"", "?dining=eat_in", "?dining=takeaway"} {
		tags[s.call(nobody, "GET", "/menu"+query, "").header.Get("ETag")] = true
	}
	if len(tags) != 3 {
		t.Errorf("tags %v", tags)
	}
	page := s.call(nobody, "GET", "/menu?dining=eat_in&limit=1", "").want(200).get("next_cursor")
	s.call(nobody, "GET", "/menu?dining=eat_in&cursor="+page, "").want(200)
	s.call(nobody, "GET", "/menu?dining=takeaway&cursor="+page, "").wantProblem(400, "malformed-request", "cursor")
	s.call(nobody, "GET", "/menu?cursor="+page, "").wantProblem(400, "malformed-request", "cursor")
}

func TestItemsHaveATaxClass(t *testing.T) {
	s := open(t)
	if a := s.call(sam, "PUT", "/menu/pie", `{"name":"Pie","price":300,"tax_class":"cold-food"}`).want(201); a.get("tax_class") != "cold-food" {
		t.Errorf("put %s", a.body)
	}
	tag := s.call(nobody, "GET", "/menu/pie", "").want(200).header.Get("ETag")
	// Somebody who does not know of classes puts the item without one.
	a := s.call(sam, "PUT", "/menu/pie", `{"name":"Pie","price":300}`, "If-Match: "+tag).want(200)
	b := s.call(sam, "PUT", "/menu/pie", `{"name":"Pie","price":300,"tax_class":"standard"}`).want(200)
	if a.get("tax_class") != "standard" || string(a.body) != string(b.body) {
		t.Errorf("put %s and %s", a.body, b.body)
	}
	s.call(sam, "PUT", "/menu/pie", `{"name":"Pie","price":300}`, "If-Match: "+tag).wantProblem(412, "precondition-failed")
	for body, field := range map[string]string{
		`{"name":"Pie","price":300,"tax_class":"a b"}`: "/tax_class", `{"name":"Pie","price":300,"tax_class":1}`: "/tax_class", `{"name":"Pie","price":300,"tax_class":null}`: "/tax_class",
	} {
		s.call(sam, "PUT", "/menu/pie", body).wantProblem(422, "validation", field)
	}
}
