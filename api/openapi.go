package api

import _ "embed"

//go:embed openapi.json
var openAPI []byte

// OpenAPI returns the service's OpenAPI 3.1 document, the full reference for clients. It
// is written by hand; openapi_test.go holds it against the route table and against
// itself. The caller must not change what it gets.
func OpenAPI() []byte { return openAPI }
