package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"cafe/api/rest"

	"github.com/gin-gonic/gin"

	"cafe/api/packed"
)

//go:generate go -C ../internal/docspage run .

var (
	openAPI  = packed.Document{Packed: documents[0]}
	asyncAPI = packed.Document{Packed: documents[1]}
	docsPage = packed.Document{Packed: documents[2]}
)

// DefaultAddress is where a café listens unless it is told otherwise. It stands in
// openapi.json, and in the page that command docspage makes, for the address of a café.
const DefaultAddress = "http://127.0.0.1:3000"

// OpenAPI returns the OpenAPI 3.1 document, which is the full reference for clients. It is
// written by hand in openapi.json. openapi_test.go checks it against the route table and
// every answer in the tests. Its server is DefaultAddress.
func OpenAPI() []byte { return openAPI.Plain(DefaultAddress) }

// AsyncAPI returns the AsyncAPI 3 document, which describes the events. It is written by hand in
// asyncapi.json, and shares schemas with openapi.json beside it.
func AsyncAPI() []byte { return asyncAPI.Plain(DefaultAddress) }

// DocsPage returns the OpenAPI document as a page for people. The page loads nothing from
// other sites. Command docspage makes it. The café in it is at DefaultAddress.
func DocsPage() []byte { return docsPage.Plain(DefaultAddress) }

// serveDocument answers with a document, compressed if the caller reads gzip, or with 304 if the
// caller has it.
func serveDocument(c *gin.Context, d *packed.Document, address, mediaType string) error {
	sum := sha256.Sum256(append([]byte(address+"\n"), d.Packed()...))
	tag := hex.EncodeToString(sum[:12])
	h := c.Writer.Header()
	h.Add("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache") // ask again with the ETag
	zipped := readsGzip(c.Request.Header.Values("Accept-Encoding"))
	if zipped {
		tag += "-gzip"
	}
	tag = `"` + tag + `"`
	if rest.Unchanged(c, tag) {
		return nil
	}
	if zipped {
		h.Set("Content-Encoding", "gzip")
		c.Data(http.StatusOK, mediaType, d.Gzipped(address))
	} else {
		c.Data(http.StatusOK, mediaType, d.Plain(address))
	}
	return nil
}

// readsGzip reports whether the Accept-Encoding headers name gzip (RFC 9110, section 12.5.3).
func readsGzip(headers []string) bool {
	for part := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		name, weight, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		q, weighed := strings.CutPrefix(strings.ToLower(strings.TrimSpace(weight)), "q=")
		n, err := strconv.ParseFloat(q, 64)
		return !weighed || err != nil || n > 0
	}
	return false
}

// address returns where the caller reaches the café: as configured, as the gateway says, or
// by the Host header. It has only characters that need no quotes in HTML, JSON and a shell.
func (s *server) address(c *gin.Context) string {
	a := s.url
	if a == "" {
		a = rest.Address(c.Request.Context())
	}
	if a == "" {
		a = "http://" + c.Request.Host
	}
	for _, r := range a {
		if !strings.ContainsRune(rest.AddressRunes, r) {
			return DefaultAddress
		}
	}
	if len(a) > 300 || strings.HasSuffix(a, "/") {
		return DefaultAddress
	}
	return a
}

func (s *server) openAPI(c *gin.Context) error {
	return serveDocument(c, &openAPI, s.address(c), "application/json")
}

func (s *server) asyncAPI(c *gin.Context) error {
	return serveDocument(c, &asyncAPI, s.address(c), "application/json")
}

func (s *server) docs(c *gin.Context) error {
	c.Header("Content-Security-Policy", docsPolicy())
	return serveDocument(c, &docsPage, s.address(c), "text/html; charset=utf-8")
}

// docsPolicy is the content security policy of the page: its own style and script, known by
// their hashes, and calls to the café itself.
var docsPolicy = sync.OnceValue(func() string {
	page := DocsPage()
	hash := func(tag string) string {
		_, content, _ := bytes.Cut(page, []byte("<"+tag+">"))
		content, _, _ = bytes.Cut(content, []byte("</"+tag+">"))
		sum := sha256.Sum256(content)
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	return "default-src 'none'; style-src " + hash("style") + "; script-src " + hash("script") +
		"; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
})
