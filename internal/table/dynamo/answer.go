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

// reading is one GetItem, Query or Scan. It takes the place of the SDK's own step of
// reading the answer (its middleware "OperationDeserializer"), which goes from JSON to
// maps of any, to the SDK's attributes and only then to the seam's items: two thirds of
// the allocations of a read. Errors that DynamoDB answers are still read by that step.
type reading struct {
	*sending
	output any // of the SDK's operation, which stays empty

	rows []table.Row
	last table.Item // the key to go on after; nil at the end
	used *types.ConsumedCapacity
	err  error // of an item that is none of the seam's

	first    *attempted // nil: all attempts are the SDK's
	original middleware.DeserializeMiddleware
}

func (t *Table) reading(output any) *reading {
	return &reading{sending: t.sending(true), output: output}
}

func (r *reading) options(o *dynamodb.Options) {
	r.sending.options(o)
	if r.first != nil {
		r.first.HTTPClient, o.HTTPClient = o.HTTPClient, r.first
	}
	o.APIOptions = append(o.APIOptions[:len(o.APIOptions):len(o.APIOptions)], func(s *middleware.Stack) (err error) {
		r.original, err = s.Deserialize.Swap(r.ID(), r)
		return err
	})
}

// ID implements middleware.DeserializeMiddleware.
func (r *reading) ID() string { return "OperationDeserializer" }

// HandleDeserialize implements middleware.DeserializeMiddleware.
func (r *reading) HandleDeserialize(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
	out middleware.DeserializeOutput, metadata middleware.Metadata, err error,
) {
	out, metadata, err = next.HandleDeserialize(ctx, in)
	if err != nil {
		return out, metadata, err
	}
	response, ok := out.RawResponse.(*smithyhttp.Response)
	if !ok || response.StatusCode < 200 || response.StatusCode >= 300 {
		return r.original.HandleDeserialize(ctx, in, answered{out, metadata})
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
	if altered(response.Header, body.Bytes()) { // which the SDK only logs (1.68)
		return out, metadata, &smithy.DeserializationError{Err: errAltered}
	}
	if err := r.decode(&body); errors.Is(err, errNotKept) {
		r.err = err
	} else if err != nil {
		return out, metadata, &smithy.DeserializationError{Err: fmt.Errorf("read the answer: %w", err)}
	}
	out.Result = r.output
	return out, metadata, nil
}

// answered is what the step before has already returned.
type answered struct {
	out      middleware.DeserializeOutput
	metadata middleware.Metadata
}

func (a answered) HandleDeserialize(context.Context, middleware.DeserializeInput) (middleware.DeserializeOutput, middleware.Metadata, error) {
	return a.out, a.metadata, nil
}

// errAltered is of an answer that does not have its checksum.
var errAltered = errors.New("an answer of DynamoDB was altered on its way")

// altered tells whether the body is another than the header's checksum is of. DynamoDB
// sends one with each answer; its stand-ins may not.
func altered(header http.Header, body []byte) bool {
	sum := header.Get("X-Amz-Crc32")
	return sum != "" && sum != strconv.FormatUint(uint64(crc32.ChecksumIEEE(body)), 10)
}

// errNotKept is of what nothing that writes through the seam makes.
var errNotKept = errors.New("an item read from DynamoDB is not one of the table's")

func (r *reading) decode(body *bytes.Buffer) error {
	d := jsontext.NewDecoder(body, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	return members(d, func(name string) error {
		switch name {
		case "Item":
			return r.row(d)
		case "Items":
			return elements(d, func() error { return r.row(d) })
		case "LastEvaluatedKey":
			var err error
			r.last, err = decodeMap(d, 5) // the key, and that of an index
			return err
		case "ConsumedCapacity":
			return json.UnmarshalDecode(d, &r.used)
		}
		return d.SkipValue()
	})
}

func (r *reading) row(d *jsontext.Decoder) error {
	item, err := decodeMap(d, 24) // more than an order has
	if err != nil {
		return err
	}
	pk, okPK := item[table.AttrPK].Str()
	sk, okSK := item[table.AttrSK].Str()
	if !okPK || !okSK {
		return fmt.Errorf("%w: no key of text", errNotKept)
	}
	delete(item, table.AttrPK)
	delete(item, table.AttrSK)
	r.rows = append(r.rows, table.Row{Key: table.Key{PK: pk, SK: sk}, Item: item})
	return nil
}

func decodeMap(d *jsontext.Decoder, most int) (table.Item, error) {
	item := make(table.Item, most)
	err := members(d, func(name string) (err error) {
		if item[name], err = decodeValue(d); err != nil {
			return fmt.Errorf("attribute %s: %w", name, err)
		}
		return nil
	})
	return item, err
}

// decodeValue reads an attribute value, {"S":"latte"}: see the DynamoDB API Reference,
// "AttributeValue".
func decodeValue(d *jsontext.Decoder) (v table.Value, err error) {
	err = members(d, func(kind string) (err error) {
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
				return fmt.Errorf("%w: number is not an integer of 64 bits: %w", errNotKept, wrong)
			}
			v = table.Int(n)
		case "BOOL":
			var token jsontext.Token
			if token, err = d.ReadToken(); err == nil && token.Kind() != 't' && token.Kind() != 'f' {
				return fmt.Errorf("a BOOL that is no boolean")
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
			err = elements(d, func() error {
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
			return fmt.Errorf("%w: kind %s", errNotKept, kind)
		}
		return err
	})
	if err == nil && v.Kind() == table.KindNone {
		err = fmt.Errorf("%w: a value of no kind", errNotKept)
	}
	return v, err
}

func text(d *jsontext.Decoder) (string, error) {
	token, err := d.ReadToken()
	if err == nil && token.Kind() != '"' {
		err = fmt.Errorf("%s where a string is due", token.Kind())
	}
	if err != nil {
		return "", err
	}
	return token.String(), nil
}

// members calls with each name of an object; the call reads the value.
func members(d *jsontext.Decoder, each func(name string) error) error {
	return within(d, '{', func() error {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		return each(name.String())
	})
}

// elements calls for each element of an array; the call reads it.
func elements(d *jsontext.Decoder, each func() error) error { return within(d, '[', each) }

func within(d *jsontext.Decoder, opening jsontext.Kind, each func() error) error {
	token, err := d.ReadToken()
	if err == nil && token.Kind() != opening {
		err = fmt.Errorf("%s where %s is due", token.Kind(), opening)
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
