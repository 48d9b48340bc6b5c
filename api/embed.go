//go:build !beside

package api

import _ "embed"

// The binary has the documents compressed, to an eighth of their size.
var (
	//go:embed openapi.json.gz
	packedOpenAPI []byte
	//go:embed asyncapi.json.gz
	packedAsyncAPI []byte
	//go:embed docs.html.gz
	packedDocsPage []byte
)

// documents are the OpenAPI document, the AsyncAPI document and the page, compressed.
var documents = [...]func() []byte{
	func() []byte { return packedOpenAPI },
	func() []byte { return packedAsyncAPI },
	func() []byte { return packedDocsPage },
}
