package api

import (
	"bytes"
	"net/url"

	"github.com/pb33f/jsonschema/v6"

	"cafe/internal/cafe"
)

// SealCursor makes the cursor of a list as the router with that key does.
func SealCursor(key []byte, by cafe.Caller, path string, q url.Values, position string) string {
	return cursors{key}.seal(binding(by, path, q), position)
}

// OpenCursor returns the position that q's cursor stands for.
func OpenCursor(key []byte, by cafe.Caller, path string, q url.Values) (position string, err error) {
	return cursors{key}.open(binding(by, path, q), q)
}

// CheckBody says where JSON is not as the document's schema of that name has it.
func CheckBody(schema string, body []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return theReference().validate(value, "components", "schemas", schema)
}

// DecodeEvent is how a Function reads a payload.
var DecodeEvent = decodeEvent
