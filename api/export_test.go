package api

import (
	"bytes"
	"net/url"

	"cafe/api/rest"

	"github.com/pb33f/jsonschema/v6"

	"cafe/internal/cafe"
)

// SealCursor returns the cursor of a list, as the router with the key makes it.
func SealCursor(key []byte, by cafe.Caller, path string, q url.Values, position string) string {
	return rest.Cursors{Key: key}.Seal(rest.Binding(by, path, q), position)
}

// OpenCursor returns the position of the cursor in q.
func OpenCursor(key []byte, by cafe.Caller, path string, q url.Values) (position string, err error) {
	return rest.Cursors{Key: key}.Open(rest.Binding(by, path, q), q)
}

// CheckBody returns an error if the JSON does not match the named schema of the document.
func CheckBody(schema string, body []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return theReference().validate(value, "components", "schemas", schema)
}

// QuoteKey is the key of quotes of a router with the cursor key.
var QuoteKey = quoteKey
