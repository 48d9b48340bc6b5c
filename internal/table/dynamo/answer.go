package dynamo

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"

	"cafe/internal/table"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// readCall is one GetItem, Query or Scan. It replaces the SDK's own step that decodes the
// answer, the middleware "OperationDeserializer". That step goes from JSON to maps of any,
// from there to the SDK's attributes, and only then can they become items. It makes two
// thirds of the allocations of a read. The SDK's step still decodes DynamoDB's errors.
//
// With Options.PlainReads the SDK decodes the answer, and take copies it here.
type readCall struct {
	*call
	output any // the SDK's output of the operation; it stays empty
	plain  bool

	rows []table.Row
	last table.Item // the key of the last row read; nil if there is no more
	used *types.ConsumedCapacity
	err  error // why an item could not be decoded, such as errUnsupported

	original middleware.DeserializeMiddleware
}

func (t *Table) newReadCall(output any) *readCall {
	return &readCall{call: t.newCall(true), output: output, plain: t.plain}
}

// take fills the call with an answer that the SDK has decoded.
func (r *readCall) take(used *types.ConsumedCapacity, last attributes, items ...attributes) {
	r.used = used
	for _, m := range items {
		row, err := decodeRow(m)
		if err != nil {
			r.err = err
			return
		}
		r.rows = append(r.rows, row)
	}
	if len(last) > 0 {
		r.last, r.err = decodeAttributes(last)
	}
}

func (r *readCall) options(o *dynamodb.Options) {
	r.call.options(o)
	if r.plain {
		return
	}
	o.APIOptions = append(o.APIOptions[:len(o.APIOptions):len(o.APIOptions)], func(s *middleware.Stack) (err error) {
		r.original, err = s.Deserialize.Swap(r.ID(), r)
		return err
	})
}

// ID implements middleware.DeserializeMiddleware.
func (r *readCall) ID() string { return "OperationDeserializer" }

// HandleDeserialize implements middleware.DeserializeMiddleware.
func (r *readCall) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	out middleware.DeserializeOutput, metadata middleware.Metadata, err error,
) {
	out, metadata, err = next.HandleDeserialize(ctx, in)
	if err != nil {
		return out, metadata, err
	}
	response, ok := out.RawResponse.(*smithyhttp.Response)
	if !ok || response.StatusCode < 200 || response.StatusCode >= 300 {
		return r.original.HandleDeserialize(ctx, in, result{out, metadata})
	}
	defer func() { smithyhttp.CloseResponseBody(ctx, response, false, err) }()
	r.rows, r.last, r.used, r.err = nil, nil, nil, nil
	var body bytes.Buffer
	if response.ContentLength > 0 {
		body.Grow(int(response.ContentLength) + bytes.MinRead)
	}
	if _, err := io.Copy(&body, response.Body); err != nil {
		return out, metadata, &smithy.DeserializationError{Err: fmt.Errorf("read the answer: %w", err)}
	}
	if altered(response.Header, body.Bytes()) { // the SDK (1.68) only logs this
		return out, metadata, &smithy.DeserializationError{Err: errAltered}
	}
	if err := r.decode(&body); errors.Is(err, errUnsupported) {
		r.err = err
	} else if err != nil {
		return out, metadata, &smithy.DeserializationError{Err: fmt.Errorf("read the answer: %w", err)}
	}
	out.Result = r.output
	return out, metadata, nil
}

// result is the outcome of the previous step, for a step that runs after it.
type result struct {
	out      middleware.DeserializeOutput
	metadata middleware.Metadata
}

func (r result) HandleDeserialize(context.Context, middleware.DeserializeInput) (middleware.DeserializeOutput, middleware.Metadata, error) {
	return r.out, r.metadata, nil
}

// errAltered says that an answer does not match its checksum.
var errAltered = errors.New("an answer of DynamoDB was altered on its way")

// altered reports whether the body does not match the checksum in the header. DynamoDB
// sends a checksum with each answer; its stand-ins may not.
func altered(header http.Header, body []byte) bool {
	sum := header.Get("X-Amz-Crc32")
	return sum != "" && sum != strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10)
}

// errUnsupported says that an item holds something that package table never writes.
var errUnsupported = errors.New("an item in DynamoDB was not written by this program")

func (r *readCall) decode(body *bytes.Buffer) error {
	d := jsontext.NewDecoder(body, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return eachMember(d, func(name string) error {
		switch name {
		case "Item":
			return r.row(d)
		case "Items":
			return eachElement(d, func() error { return r.row(d) })
		case "LastEvaluatedKey":
			var err error
			r.last, err = decodeMap(d, 5) // the key, and the key of an index
			return err
		case "ConsumedCapacity":
			return json.UnmarshalDecode(d, &r.used)
		}
		return d.SkipValue()
	})
}

func (r *readCall) row(d *jsontext.Decoder) error {
	item, err := decodeMap(d, 24) // an order has fewer attributes
	if err != nil {
		return err
	}
	pk, okPK := item[table.AttrPK].Str()
	sk, okSK := item[table.AttrSK].Str()
	if !okPK || !okSK {
		return fmt.Errorf("%w: its key is not text", errUnsupported)
	}
	delete(item, table.AttrPK)
	delete(item, table.AttrSK)
	r.rows = append(r.rows, table.Row{Key: table.Key{PK: pk, SK: sk}, Item: item})
	return nil
}

func decodeMap(d *jsontext.Decoder, most int) (table.Item, error) {
	item := make(table.Item, most)
	err := eachMember(d, func(name string) (err error) {
		if item[name], err = decodeValue(d); err != nil {
			return fmt.Errorf("attribute %s: %w", name, err)
		}
		return nil
	})
	return item, err
}

// decodeValue reads an attribute value such as {"S":"latte"} (DynamoDB API Reference,
// "AttributeValue").
func decodeValue(d *jsontext.Decoder) (v table.Value, err error) {
	err = eachMember(d, func(kind string) (err error) {
		switch kind {
		case "S":
			var s string
			s, err = text(d)
			v = table.String(s)
		case "N":
			var s string
			if s, err = text(d); err != nil {
				return err
			}
			n, wrong := strconv.ParseInt(s, 10, 64)
			if wrong != nil {
				return fmt.Errorf("%w: the number is not a 64-bit integer: %w", errUnsupported, wrong)
			}
			v = table.Int(n)
		case "BOOL":
			var token jsontext.Token
			if token, err = d.ReadToken(); err == nil && token.Kind() != 't' && token.Kind() != 'f' {
				return fmt.Errorf("a BOOL is not a boolean")
			}
			v = table.Bool(token.Kind() == 't')
		case "B":
			var s string
			if s, err = text(d); err != nil {
				return err
			}
			var b []byte
			b, err = base64.StdEncoding.DecodeString(s)
			v = table.Bytes(b)
		case "L":
			list := []table.Value{}
			err = eachElement(d, func() error {
				e, err := decodeValue(d)
				list = append(list, e)
				return err
			})
			v = table.List(list...)
		case "M":
			var m table.Item
			m, err = decodeMap(d, 8)
			v = table.Map(m)
		default:
			return fmt.Errorf("%w: it has a value of type %s", errUnsupported, kind)
		}
		return err
	})
	if err == nil && v.Kind() == table.KindNone {
		err = fmt.Errorf("%w: it has a value without a type", errUnsupported)
	}
	return v, err
}

func text(d *jsontext.Decoder) (string, error) {
	token, err := d.ReadToken()
	if err == nil && token.Kind() != '"' {
		err = fmt.Errorf("got %s, want a string", token.Kind())
	}
	if err != nil {
		return "", err
	}
	return token.String(), nil
}

// eachMember reads an object and calls each with every name. The call must read the value.
func eachMember(d *jsontext.Decoder, each func(name string) error) error {
	return eachIn(d, '{', func() error {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		return each(name.String())
	})
}

// eachElement reads an array and calls each for every element. The call must read it.
func eachElement(d *jsontext.Decoder, each func() error) error { return eachIn(d, '[', each) }

func eachIn(d *jsontext.Decoder, opening jsontext.Kind, each func() error) error {
	token, err := d.ReadToken()
	if err == nil && token.Kind() != opening {
		err = fmt.Errorf("got %s, want %s", token.Kind(), opening)
	}
	if err != nil {
		return err
	}
	for {
		switch d.PeekKind() {
		case '}', ']', jsontext.KindInvalid:
			_, err := d.ReadToken()
			return err
		}
		if err := each(); err != nil {
			return err
		}
	}
}
