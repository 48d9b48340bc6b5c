package api

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"sync"
)

//go:generate go -C ../internal/docspage run .

// Both are in the binary as gzip has them, an eighth of what they are: every cold start
// of a function reads its binary, and few of them are asked for the reference.
var (
	//go:embed openapi.json.gz
	openAPI []byte
	//go:embed docs.html.gz
	docsPage []byte

	unpackedOpenAPI  = sync.OnceValue(func() []byte { return unpack(openAPI) })
	unpackedDocsPage = sync.OnceValue(func() []byte { return unpack(docsPage) })
)

// OpenAPI returns the service's OpenAPI 3.1 document, the full reference for clients. It
// is written by hand, in openapi.json; openapi_test.go holds it against the route table
// and against itself. The caller must not change what it gets.
func OpenAPI() []byte { return unpackedOpenAPI() }

// DocsPage returns the document of OpenAPI as a page for people, which needs no other
// site. Package docspage makes it. The caller must not change what it gets.
func DocsPage() []byte { return unpackedDocsPage() }

func unpack(packed []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		panic(fmt.Sprintf("embedded file: %v", err))
	}
	unpacked, err := io.ReadAll(r)
	if err != nil {
		panic(fmt.Sprintf("embedded file: %v", err))
	}
	return unpacked
}
