package dynamo

import (
	"errors"
	"math"
	"testing"

	"cafe/internal/table"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"
)

// values draws values of every kind, nested a few levels.
func values() *rapid.Generator[table.Value] {
	flat := rapid.OneOf(
		rapid.Map(rapid.String(), table.String),
		rapid.Map(rapid.Int64(), table.Int),
		rapid.Map(rapid.Bool(), table.Bool),
		rapid.Map(rapid.SliceOf(rapid.Byte()), table.Bytes),
	)
	any := flat
	for range 3 {
		inner := any
		any = rapid.OneOf(flat,
			rapid.Map(rapid.SliceOfN(inner, 0, 4), func(l []table.Value) table.Value { return table.List(l...) }),
			rapid.Map(rapid.MapOfN(rapid.String(), inner, 0, 4), func(m map[string]table.Value) table.Value { return table.Map(m) }),
		)
	}
	return any
}

func TestItemsComeBackAsTheyWere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := table.Row{
			Key:  table.Key{PK: rapid.StringN(1, 20, 60).Draw(t, "pk"), SK: rapid.StringN(1, 20, 60).Draw(t, "sk")},
			Item: rapid.MapOfN(rapid.StringMatching(`[a-z]{3,9}`), values(), 0, 6).Draw(t, "item"),
		}
		m, err := encodeItem(want.Key, want.Item)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeRow(m)
		if err != nil {
			t.Fatal(err)
		}
		if got.Key != want.Key || got.Item == nil || !got.Item.Equal(want.Item) {
			t.Fatalf("got %+v, want %+v", got, want)
		}
	})
}

func TestItemsMatchTheSDKsEncoding(t *testing.T) {
	m, err := encodeItem(table.Key{PK: "O#1", SK: "O"}, table.Item{
		"text": table.String("☕"), "empty": table.String(""), "number": table.Int(math.MinInt64), "yes": table.Bool(true),
		"bytes": table.Bytes([]byte{0, 255}), "list": table.List(table.Int(1), table.String("x")), "map": table.Map(table.Item{"n": table.Int(2)}),
	})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		PK     string         `dynamodbav:"pk"`
		SK     string         `dynamodbav:"sk"`
		Text   string         `dynamodbav:"text"`
		Empty  *string        `dynamodbav:"empty"`
		Number int64          `dynamodbav:"number"`
		Yes    bool           `dynamodbav:"yes"`
		Bytes  []byte         `dynamodbav:"bytes"`
		List   []any          `dynamodbav:"list"`
		Map    map[string]int `dynamodbav:"map"`
	}
	if err := attributevalue.UnmarshalMap(m, &got); err != nil {
		t.Fatal(err)
	}
	if got.PK != "O#1" || got.SK != "O" || got.Text != "☕" || got.Empty == nil || *got.Empty != "" || got.Number != math.MinInt64 ||
		!got.Yes || string(got.Bytes) != "\x00\xff" || len(got.List) != 2 || got.List[0] != 1.0 || got.List[1] != "x" || got.Map["n"] != 2 {
		t.Errorf("got %+v", got)
	}
}

func TestEncodeRefusesWhatDynamoDBWouldChange(t *testing.T) {
	for name, v := range map[string]table.Value{
		"text that is not UTF-8":           table.String("caf\xe9"),
		"text that is not UTF-8 in a list": table.List(table.Int(1), table.String("\xff")),
		"text that is not UTF-8 in a map":  table.Map(table.Item{"a": table.String("\xff")}),
		"a value of no kind":               {},
	} {
		if _, err := encodeItem(table.Key{PK: "p", SK: "s"}, table.Item{"a": v}); !errors.Is(err, table.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnsupportedAttributesAreErrors(t *testing.T) {
	for name, av := range map[string]types.AttributeValue{
		"a fraction":            &types.AttributeValueMemberN{Value: "1.5"},
		"a number of 30 digits": &types.AttributeValueMemberN{Value: "100000000000000000000000000000"},
		"null":                  &types.AttributeValueMemberNULL{Value: true},
		"a set":                 &types.AttributeValueMemberSS{Value: []string{"a"}},
		"a set in a list":       &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberNS{Value: []string{"1"}}}},
		"null in a map":         &types.AttributeValueMemberM{Value: attributes{"a": &types.AttributeValueMemberNULL{Value: true}}},
		"nothing":               nil,
	} {
		m := encodeKey(table.Key{PK: "p", SK: "s"}, 1)
		m["a"] = av
		if row, err := decodeRow(m); err == nil {
			t.Errorf("%s: read as %+v", name, row)
		}
	}
	if _, err := decodeRow(attributes{"pk": &types.AttributeValueMemberN{Value: "1"}}); err == nil {
		t.Error("an item without a key was read")
	}
}

func TestBeforeIsTheGreatestKeyBelow(t *testing.T) {
	for s, want := range map[string]string{
		"b":          "a\U0010FFFF",
		"a\x00":      "a",
		"a1":         "a0\U0010FFFF",
		"a\x7f":      "a\x7e\U0010FFFF",
		"é":          "è\U0010FFFF",
		"\uE000":     "\uD7FF\U0010FFFF",
		"\U00010000": "\uFFFF\U0010FFFF",
	} {
		if got := before(s); got != want {
			t.Errorf("before(%q) = %q, want %q", s, got, want)
		}
	}
	ascii := rapid.StringOfN(rapid.RuneFrom([]rune("\x00\x01ab\x7f")), 1, 5, -1)
	rapid.Check(t, func(t *rapid.T) {
		key, end := ascii.Draw(t, "key"), ascii.Draw(t, "end")
		if (key < end) != (key <= before(end)) {
			t.Fatalf("%q is on the wrong side of %q", key, end)
		}
	})
}

// order returns an order of two lines, about 900 bytes.
func order() table.Item {
	line := table.Map(table.Item{
		"sku": table.String("latte"), "name": table.String("Latte"), "quantity": table.Int(2), "unit_price": table.Int(350),
		"options": table.List(table.Map(table.Item{"id": table.String("oat"), "name": table.String("Oat milk"), "price": table.Int(40)})),
		"note":    table.String("extra hot"), "total": table.Int(780),
	})
	return table.Item{
		"id": table.String("ord_01JD8Z0T4Q6M3W9X5Y7K2B1C0D"), "customer_id": table.String("alice"), "status": table.String("placed"),
		"version": table.Int(1), "total": table.Int(1560), "currency": table.String("GBP"), "payment": table.String("account"),
		"placed_at": table.String("2026-11-23T16:45:12.123456Z"), "updated_at": table.String("2026-11-23T16:45:12.123456Z"),
		"business_day": table.String("2026-11-23"), "fingerprint": table.Bytes(make([]byte, 32)), "lines": table.List(line, line),
		"note": table.String(""), "posting": table.Int(1), "live": table.Bool(true),
		table.AttrIndex1: table.String("C#alice"), table.AttrIndex2: table.String("D#2026-11-23#0"), table.AttrSort: table.String("O#2026-11-23T16:45:12.123456Z#ord_01JD8Z0T4Q6M3W9X5Y7K2B1C0D"),
	}
}

type reflectedOrder struct {
	PK          string          `dynamodbav:"pk"`
	SK          string          `dynamodbav:"sk"`
	ID          string          `dynamodbav:"id"`
	CustomerID  string          `dynamodbav:"customer_id"`
	Status      string          `dynamodbav:"status"`
	Version     int64           `dynamodbav:"version"`
	Total       int64           `dynamodbav:"total"`
	Currency    string          `dynamodbav:"currency"`
	Payment     string          `dynamodbav:"payment"`
	PlacedAt    string          `dynamodbav:"placed_at"`
	UpdatedAt   string          `dynamodbav:"updated_at"`
	BusinessDay string          `dynamodbav:"business_day"`
	Fingerprint []byte          `dynamodbav:"fingerprint"`
	Lines       []reflectedLine `dynamodbav:"lines"`
	Note        string          `dynamodbav:"note"`
	Posting     int64           `dynamodbav:"posting"`
	Live        bool            `dynamodbav:"live"`
	GSI1        string          `dynamodbav:"gsi1pk"`
	GSI2        string          `dynamodbav:"gsi2pk"`
	Sort        string          `dynamodbav:"gsisk"`
}

type reflectedLine struct {
	SKU       string            `dynamodbav:"sku"`
	Name      string            `dynamodbav:"name"`
	Quantity  int64             `dynamodbav:"quantity"`
	UnitPrice int64             `dynamodbav:"unit_price"`
	Options   []reflectedOption `dynamodbav:"options"`
	Note      string            `dynamodbav:"note"`
	Total     int64             `dynamodbav:"total"`
}

type reflectedOption struct {
	ID    string `dynamodbav:"id"`
	Name  string `dynamodbav:"name"`
	Price int64  `dynamodbav:"price"`
}

// BenchmarkMapping compares the mapping by hand with package attributevalue, on the same
// order. After the mapping by hand, the caller still has to turn the item into a struct.
func BenchmarkMapping(b *testing.B) {
	key, item := table.Key{PK: "O#1", SK: "O"}, order()
	m, err := encodeItem(key, item)
	if err != nil {
		b.Fatal(err)
	}
	var reflected reflectedOrder
	if err := attributevalue.UnmarshalMap(m, &reflected); err != nil {
		b.Fatal(err)
	}
	b.Run("encode/by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			encodeItem(key, item)
		}
	})
	b.Run("encode/attributevalue", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			attributevalue.MarshalMap(&reflected)
		}
	})
	b.Run("decode/by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			decodeRow(m)
		}
	})
	b.Run("decode/attributevalue", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var o reflectedOrder
			attributevalue.UnmarshalMap(m, &o)
		}
	})
}
