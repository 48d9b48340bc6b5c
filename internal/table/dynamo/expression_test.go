package dynamo

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"cafe/internal/table"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	sdk "github.com/aws/aws-sdk-go-v2/feature/dynamodb/expression"
)

// filled returns an expression with its placeholders replaced.
func (e *expression) filled(s *string) string {
	if s == nil {
		return ""
	}
	var pairs []string
	for placeholder, name := range e.names {
		pairs = append(pairs, placeholder, name)
	}
	for placeholder, v := range e.values {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			pairs = append(pairs, placeholder, `"`+v.Value+`"`)
		case *types.AttributeValueMemberN:
			pairs = append(pairs, placeholder, v.Value)
		case *types.AttributeValueMemberBOOL:
			pairs = append(pairs, placeholder, "true")
		}
	}
	return strings.NewReplacer(pairs...).Replace(*s)
}

func TestConditionsAsDynamoDBReadsThem(t *testing.T) {
	k := table.Key{PK: "p", SK: "s"}
	for want, op := range map[string]table.Op{
		"":                         table.Put(k, nil),
		"attribute_not_exists(pk)": table.Put(k, nil, table.Absent()),
		"attribute_exists(pk)":     table.Delete(k, table.Present()),
		`status="placed"`:          table.Check(k, table.Equal("status", table.String("placed"))),
		"armed=true":               table.Check(k, table.Equal("armed", table.Bool(true))),
		"(attribute_not_exists(posting) OR posting<7)": table.Put(k, nil, table.Below("posting", 7)),
		"on_hand>=2":                                                    table.Put(k, nil, table.AtLeast("on_hand", 2)),
		"attribute_not_exists(sent)":                                    table.Put(k, nil, table.Missing("sent")),
		"version=3 AND attribute_not_exists(sent)":                      table.Put(k, nil, table.Equal("version", table.Int(3)), table.Missing("sent")),
		"(attribute_not_exists(n) OR n<=9223372036854775806)":           add(k, "n", 1),
		"n>=1 AND (attribute_not_exists(n) OR n>=-9223372036854775807)": add(k, "n", -1, table.AtLeast("n", 1)),
		"(attribute_not_exists(n) OR n>=0)":                             add(k, "n", math.MinInt64),
	} {
		var e expression
		got, err := e.condition(op)
		if err != nil || e.filled(got) != want {
			t.Errorf("got %q, %v, want %q", e.filled(got), err, want)
		}
	}
	var e expression
	if _, err := e.condition(table.Put(k, nil, table.Condition{Kind: 99})); !errors.Is(err, table.ErrInvalid) {
		t.Errorf("a condition of no kind: %v", err)
	}
}

func TestAnUpdateAsDynamoDBReadsIt(t *testing.T) {
	op := table.Update(table.Key{PK: "p", SK: "s"})
	op.Set = table.Item{"a": table.Int(1), "size": table.String("x")}
	op.Add = map[string]int64{"n": -2}
	op.Remove = []string{"old", "older"}
	var e expression
	s, err := e.update(op)
	if err != nil {
		t.Fatal(err)
	}
	got := e.filled(s)
	if got != `SET a=1, size="x" ADD n -2 REMOVE old, older` && got != `SET size="x", a=1 ADD n -2 REMOVE old, older` {
		t.Errorf("got %q", got)
	}
	if names := slices.Sorted(maps.Values(e.names)); !slices.Equal(names, []string{"a", "n", "old", "older", "size"}) || strings.Contains(*s, "size") {
		t.Errorf("%q with names %v", *s, names)
	}
	var only expression
	if s, err := only.update(remove(op.Key, "a")); err != nil || only.filled(s) != "REMOVE a" || only.values != nil {
		t.Errorf("got %q, %v", only.filled(s), err)
	}
}

// BenchmarkExpression compares the conditions built by hand with those of the SDK's
// package, for placing an order (absent) and for amending one (version, status).
func BenchmarkExpression(b *testing.B) {
	key := table.Key{PK: "O#1", SK: "O"}
	place := table.Put(key, nil, table.Absent())
	amend := table.Put(key, nil, table.Equal("version", table.Int(3)), table.Equal("status", table.String("placed")))
	b.Run("absent/by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var e expression
			e.condition(place)
		}
	})
	b.Run("absent/SDK", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sdk.NewBuilder().WithCondition(sdk.AttributeNotExists(sdk.Name("pk"))).Build()
		}
	})
	b.Run("equal/by hand", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var e expression
			e.condition(amend)
		}
	})
	b.Run("equal/SDK", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			sdk.NewBuilder().WithCondition(sdk.And(
				sdk.Name("version").Equal(sdk.Value(3)), sdk.Name("status").Equal(sdk.Value("placed")))).Build()
		}
	})
}
