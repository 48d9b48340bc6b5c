package dynamo

import (
	"fmt"
	"strconv"
	"unicode/utf8"

	"cafe/internal/table"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// attributes is an item as the SDK has it. Items are mapped by hand, since there are
// only six kinds: encoding takes 0.6 of what package attributevalue takes by
// reflection, decoding about the same (BenchmarkMapping), and the binary is 120 KiB
// smaller.
type attributes = map[string]types.AttributeValue

// encodeKey returns the key attributes, in a map with room for more.
func encodeKey(k table.Key, more int) attributes {
	m := make(attributes, 2+more)
	m[table.AttrPK] = &types.AttributeValueMemberS{Value: k.PK}
	m[table.AttrSK] = &types.AttributeValueMemberS{Value: k.SK}
	return m
}

func encodeItem(k table.Key, item table.Item) (attributes, error) {
	m := encodeKey(k, len(item))
	for name, v := range item {
		var err error
		if m[name], err = encode(v); err != nil {
			return nil, fmt.Errorf("attribute %s of %s: %w", name, k, err)
		}
	}
	return m, nil
}

// encode returns an error that Is ErrInvalid for what DynamoDB would refuse or, as
// text that is not UTF-8, silently alter.
func encode(v table.Value) (types.AttributeValue, error) {
	switch v.Kind() {
	case table.KindString:
		s, _ := v.Str()
		if !utf8.ValidString(s) {
			return nil, fmt.Errorf("%w: text is not UTF-8", table.ErrInvalid)
		}
		return &types.AttributeValueMemberS{Value: s}, nil
	case table.KindInt:
		n, _ := v.Int()
		return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}, nil
	case table.KindBool:
		b, _ := v.Bool()
		return &types.AttributeValueMemberBOOL{Value: b}, nil
	case table.KindBytes:
		b, _ := v.Binary()
		return &types.AttributeValueMemberB{Value: []byte(b)}, nil
	case table.KindList:
		list, _ := v.List()
		out := make([]types.AttributeValue, len(list))
		for i, e := range list {
			var err error
			if out[i], err = encode(e); err != nil {
				return nil, err
			}
		}
		return &types.AttributeValueMemberL{Value: out}, nil
	case table.KindMap:
		m, _ := v.Map()
		out := make(attributes, len(m))
		for name, e := range m {
			var err error
			if out[name], err = encode(e); err != nil {
				return nil, err
			}
		}
		return &types.AttributeValueMemberM{Value: out}, nil
	}
	return nil, fmt.Errorf("%w: a value of no kind", table.ErrInvalid)
}

// decodeRow takes the key out of the attributes. Numbers that are no 64-bit
// integers, sets and nulls are errors: nothing that writes through the seam makes
// them.
func decodeRow(m attributes) (table.Row, error) {
	var row table.Row
	pk, okPK := m[table.AttrPK].(*types.AttributeValueMemberS)
	sk, okSK := m[table.AttrSK].(*types.AttributeValueMemberS)
	if !okPK || !okSK {
		return row, fmt.Errorf("item read from DynamoDB has no key of text")
	}
	row.Key = table.Key{PK: pk.Value, SK: sk.Value}
	row.Item = make(table.Item, len(m)-2)
	for name, av := range m {
		if name == table.AttrPK || name == table.AttrSK {
			continue
		}
		var err error
		if row.Item[name], err = decode(av); err != nil {
			return row, fmt.Errorf("attribute %s of %s: %w", name, row.Key, err)
		}
	}
	return row, nil
}

func decode(av types.AttributeValue) (table.Value, error) {
	switch av := av.(type) {
	case *types.AttributeValueMemberS:
		return table.String(av.Value), nil
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(av.Value, 10, 64)
		if err != nil {
			return table.Value{}, fmt.Errorf("number is not an integer of 64 bits: %w", err)
		}
		return table.Int(n), nil
	case *types.AttributeValueMemberBOOL:
		return table.Bool(av.Value), nil
	case *types.AttributeValueMemberB:
		return table.Bytes(av.Value), nil
	case *types.AttributeValueMemberL:
		list := make([]table.Value, len(av.Value))
		for i, e := range av.Value {
			var err error
			if list[i], err = decode(e); err != nil {
				return table.Value{}, err
			}
		}
		return table.List(list...), nil
	case *types.AttributeValueMemberM:
		m := make(table.Item, len(av.Value))
		for name, e := range av.Value {
			var err error
			if m[name], err = decode(e); err != nil {
				return table.Value{}, err
			}
		}
		return table.Map(m), nil
	}
	return table.Value{}, fmt.Errorf("kind %T is not kept here", av)
}
