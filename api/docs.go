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

// The binary has both files compressed, to an eighth of their size. Every cold start reads
// the whole binary, and few callers ask for the reference.
var (
	//go:embed openapi.json.gz
	openAPI []byte
	//go:embed docs.html.gz
	docsPage []byte

	unpackedOpenAPI  = sync.OnceValue(func() []byte { return unpack(openAPI) })
	unpackedDocsPage = sync.OnceValue(func() []byte { return unpack(docsPage) })
)

// OpenAPI returns the OpenAPI 3.1 document, which is the full reference for clients. It is
// written by hand in openapi.json. openapi_test.go checks it against the route table and
// every answer in the tests. The caller must not change the result.
func OpenAPI() []byte { return unpackedOpenAPI() }

// DocsPage returns the OpenAPI document as a page for people. The page loads nothing from
// other sites. Command docspage makes it. The caller must not change the result.
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
