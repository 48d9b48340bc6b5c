package api

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/gin-gonic/gin"
)

//go:generate go -C ../internal/docspage run .

// The binary has the documents compressed, to an eighth of their size. Every cold start
// reads the whole binary, and few callers ask for the reference.
var (
	//go:embed openapi.json.gz
	packedOpenAPI []byte
	//go:embed asyncapi.json.gz
	packedAsyncAPI []byte
	//go:embed docs.html.gz
	packedDocsPage []byte

	openAPI  = document{packed: packedOpenAPI}
	asyncAPI = document{packed: packedAsyncAPI}
	docsPage = document{packed: packedDocsPage}
)

// DefaultAddress is where a café listens unless it is told otherwise. It stands in
// openapi.json, and in the page that command docspage makes, for the address of a café.
const DefaultAddress = "http://127.0.0.1:3000"

// OpenAPI returns the OpenAPI 3.1 document, which is the full reference for clients. It is
// written by hand in openapi.json. openapi_test.go checks it against the route table and
// every answer in the tests. Its server is DefaultAddress.
func OpenAPI() []byte { return openAPI.plain(DefaultAddress) }

// AsyncAPI returns the AsyncAPI 3 document, which describes the events. It is written by hand in
// asyncapi.json, and shares schemas with openapi.json beside it.
func AsyncAPI() []byte { return asyncAPI.plain(DefaultAddress) }

// DocsPage returns the OpenAPI document as a page for people. The page loads nothing from
// other sites. Command docspage makes it. The café in it is at DefaultAddress.
func DocsPage() []byte { return docsPage.plain(DefaultAddress) }

// document is a text that names the address of the café. It is a gzip file of several
// members (RFC 1952, section 2.2), and the address belongs between each two of them.
type document struct {
	packed []byte
	once   sync.Once
	parts  []part
}

type part struct {
	plain    []byte
	deflated []byte // ends at a whole byte, and not with the last block
}

// The ends of a gzip file: a header without a name or a time, and an empty last block
// (RFC 1951, section 3.2.4). Each member that command docspage makes has both.
const (
	gzipHeader = 10
	lastBlock  = "\x01\x00\x00\xff\xff"
	gzipFooter = 8
)

// split returns the parts of the document.
func (d *document) split() []part {
	d.once.Do(func() {
		for in := bytes.NewReader(d.packed); in.Len() > 0; {
			start := len(d.packed) - in.Len()
			r, err := gzip.NewReader(in)
			if err != nil {
				panic(fmt.Sprintf("embedded file: %v", err))
			}
			r.Multistream(false)
			plain, err := io.ReadAll(r)
			if err != nil {
				panic(fmt.Sprintf("embedded file: %v", err))
			}
			end := len(d.packed) - in.Len()
			d.parts = append(d.parts, part{plain, d.packed[start+gzipHeader : end-gzipFooter-len(lastBlock)]})
		}
	})
	return d.parts
}

// plain returns the document with the address.
func (d *document) plain(address string) []byte {
	var b []byte
	for i, p := range d.split() {
		if i > 0 {
			b = append(b, address...)
		}
		b = append(b, p.plain...)
	}
	return b
}

// gzipped returns the document with the address as one gzip member. It compresses nothing:
// the address is a stored block between the parts, which are compressed already. Browsers
// read only the first of several members.
func (d *document) gzipped(address string) []byte {
	stored := binary.LittleEndian.AppendUint16([]byte{0}, uint16(len(address)))
	stored = binary.LittleEndian.AppendUint16(stored, ^uint16(len(address)))
	stored = append(stored, address...)
	b := bytes.Clone(d.packed[:gzipHeader])
	sum, size := uint32(0), 0
	for i, p := range d.split() {
		if i > 0 {
			b = append(b, stored...)
			sum = crc32.Update(sum, crc32.IEEETable, []byte(address))
			size += len(address)
		}
		b = append(b, p.deflated...)
		sum = crc32.Update(sum, crc32.IEEETable, p.plain)
		size += len(p.plain)
	}
	b = append(b, lastBlock...)
	b = binary.LittleEndian.AppendUint32(b, sum)
	return binary.LittleEndian.AppendUint32(b, uint32(size))
}

// serve answers with the document, compressed if the caller reads gzip, or with 304 if the
// caller has it.
func (d *document) serve(c *gin.Context, address, mediaType string) error {
	sum := sha256.Sum256(append([]byte(address+"\n"), d.packed...))
	tag := hex.EncodeToString(sum[:12])
	h := c.Writer.Header()
	h.Add("Vary", "Accept-Encoding")
	h.Set("Cache-Control", "no-cache") // ask again with the ETag
	zipped := readsGzip(c.Request.Header.Values("Accept-Encoding"))
	if zipped {
		tag += "-gzip"
		h.Set("Content-Encoding", "gzip")
	}
	tag = `"` + tag + `"`
	h.Set("ETag", tag)
	if notModified(c.Request, tag) {
		h.Del("Content-Encoding")
		c.Status(http.StatusNotModified)
		c.Writer.WriteHeaderNow()
		return nil
	}
	if zipped {
		c.Data(http.StatusOK, mediaType, d.gzipped(address))
	} else {
		c.Data(http.StatusOK, mediaType, d.plain(address))
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

type addressKey struct{}

// WithAddress returns a context with the address at which the caller reached the café,
// without a slash at its end.
func WithAddress(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

// base returns the path of the address at which the caller reached the café, such as /v1
// behind a stage. It is empty if there is none, or an odd one.
func base(ctx context.Context) string {
	a, _ := ctx.Value(addressKey{}).(string)
	_, rest, _ := strings.Cut(a, "://")
	_, path, found := strings.Cut(rest, "/")
	if !found || strings.Trim(path, addressRunes) != "" || strings.ContainsAny(path, ":[]") {
		return ""
	}
	return "/" + path
}

// addressRunes are the characters of an address that need no quotes in HTML, JSON and a shell.
const addressRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/[]"

// address returns where the caller reaches the café: as configured, as the gateway says, or
// by the Host header. It has only characters that need no quotes in HTML, JSON and a shell.
func (s *server) address(c *gin.Context) string {
	a := s.url
	if a == "" {
		a, _ = c.Request.Context().Value(addressKey{}).(string)
	}
	if a == "" {
		a = "http://" + c.Request.Host
	}
	for _, r := range a {
		if !strings.ContainsRune(addressRunes, r) {
			return DefaultAddress
		}
	}
	if len(a) > 300 || strings.HasSuffix(a, "/") {
		return DefaultAddress
	}
	return a
}

func (s *server) openAPI(c *gin.Context) error {
	return openAPI.serve(c, s.address(c), "application/json")
}

func (s *server) asyncAPI(c *gin.Context) error {
	return asyncAPI.serve(c, s.address(c), "application/json")
}

func (s *server) docs(c *gin.Context) error {
	c.Header("Content-Security-Policy", docsPolicy())
	return docsPage.serve(c, s.address(c), "text/html; charset=utf-8")
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
