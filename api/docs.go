package api

import _ "embed"

//go:generate go -C ../internal/docspage run .

//go:embed docs.html
var docsPage []byte

// DocsPage returns the document of OpenAPI as a page for people, which needs no other
// site. Package docspage makes it. The caller must not change what it gets.
func DocsPage() []byte { return docsPage }
