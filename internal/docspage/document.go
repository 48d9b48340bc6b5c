package main

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

type document struct {
	Info struct {
		Title, Summary, Description, Version string
	}
	Tags       []struct{ Name, Description string }
	Security   []map[string][]string
	Paths      members[members[jsontext.Value]] // parameters, and operations by method
	Components struct {
		SecuritySchemes members[struct{ Description string }] `json:"securitySchemes"`
		Headers         members[header]
		Parameters      members[parameter]
		Responses       members[response]
		Schemas         members[*schema]
	}
}

type operation struct {
	OperationID string `json:"operationId"`
	Summary     string
	Description string
	Tags        []string
	Security    *[]map[string][]string
	Parameters  []parameter
	RequestBody *requestBody `json:"requestBody"`
	Responses   members[response]

	// The page's curl lines work one after another. Curl has the values of parameters that
	// are not their examples, by name, and of Accept. Keeps is the shell variable for the id in the answer.
	Curl  map[string]string `json:"x-curl"`
	Keeps string            `json:"x-curl-keeps"`
	// A sketch is a line that works only once there is something to call it on, such as a dead
	// letter.
	Sketch bool `json:"x-curl-sketch"`
}

type requestBody struct{ Content members[media] }

type parameter struct {
	Ref         string `json:"$ref"`
	Name, In    string
	Description string
	Required    bool
	Schema      *schema
	Example     jsontext.Value
}

type header struct {
	Ref         string `json:"$ref"`
	Description string
	Schema      *schema
	Example     jsontext.Value
}

type response struct {
	Ref         string `json:"$ref"`
	Description string
	Headers     members[header]
	Content     members[media]
}

type media struct {
	Schema   *schema
	Example  jsontext.Value
	Examples members[example]
}

type example struct {
	Summary string
	Value   jsontext.Value
}

// all returns all examples.
func (m media) all() (list []example) {
	if m.Example != nil {
		list = append(list, example{Value: m.Example})
	}
	for _, e := range m.Examples {
		list = append(list, e.Value)
	}
	return list
}

type schema struct {
	Ref         string `json:"$ref"`
	Description string
	Type        jsontext.Value // a name, or a list of them
	Format      string
	Pattern     string
	Const       jsontext.Value
	Enum        []jsontext.Value
	Default     jsontext.Value
	Minimum     *int64
	Maximum     *int64
	MinLength   *int64 `json:"minLength"`
	MaxLength   *int64 `json:"maxLength"`
	MinItems    *int64 `json:"minItems"`
	MaxItems    *int64 `json:"maxItems"`
	UniqueItems bool   `json:"uniqueItems"`
	Items       *schema
	Properties  members[*schema]
	Required    []string
	AnyOf       []*schema `json:"anyOf"`
	Examples    []jsontext.Value
	Closed      *bool `json:"additionalProperties"`
}

// members is a JSON object whose order matters.
type members[T any] []member[T]

type member[T any] struct {
	Name  string
	Value T
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (m *members[T]) UnmarshalJSONFrom(in *jsontext.Decoder) error {
	if token, err := in.ReadToken(); err != nil || token.Kind() != '{' {
		return errors.Join(err, errors.New("not an object"))
	}
	for in.PeekKind() == '"' {
		name, err := in.ReadToken()
		if err != nil {
			return err
		}
		next := member[T]{Name: name.String()}
		if err := json.UnmarshalDecode(in, &next.Value); err != nil {
			return err
		}
		*m = append(*m, next)
	}
	_, err := in.ReadToken()
	return err
}

// last returns the text after the last slash, which is the name in a reference.
func last(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// named returns the member that a reference such as #/components/headers/ETag names.
func (m members[T]) named(ref string) (found T) {
	name := last(ref)
	for _, each := range m {
		if each.Name == name {
			return each.Value
		}
	}
	return found
}
