package objects

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cafe/internal/cafe"
	"cafe/internal/durable"
)

// Path is what the paths of a Local's addresses begin with.
const Path = "/uploads/"

// Refusal says why a request to a Local's address was not served.
type Refusal struct {
	Status int
	Kind   string // a stable name, such as link-expired
	Title  string
	Detail string // a sentence for the client
}

var (
	noFile      = Refusal{http.StatusNotFound, "not-found", "Not found", "There is nothing here."}
	wrongMethod = Refusal{http.StatusMethodNotAllowed, "method-not-allowed", "Method not allowed", "A file is sent with PUT and fetched with GET."}
	badLink     = Refusal{http.StatusForbidden, "link-invalid", "Link not valid", "This address was not made by the café for this file and method. Use it exactly as it was given to you."}
	endedLink   = Refusal{http.StatusForbidden, "link-expired", "Link expired", "This address was good for a while only. Ask for a new one."}
	brokenOff   = Refusal{http.StatusBadRequest, "upload-interrupted", "Upload interrupted", "The file did not arrive whole. Nothing was kept; send it again."}
	finished    = Refusal{http.StatusConflict, "import-finished", "Import finished", "The import of this address has finished, and this file was not read. Begin another import for it."}
	troubled    = Refusal{http.StatusServiceUnavailable, "unavailable", "Unavailable", "The café cannot keep or read files right now. It is safe to send the same request again."}
)

// Handler serves the addresses, at Path. What it does not serve it leaves to refuse, which
// is given the response with its headers begun, and answers it.
func (l *Local) Handler(refuse func(http.ResponseWriter, *http.Request, Refusal)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refusal := l.serve(w, r); refusal != nil {
			if r.Method == http.MethodPut {
				// Rather than read the rest of a file that is not wanted.
				w.Header().Set("Connection", "close")
			}
			refuse(w, r, *refusal)
		}
	})
}

func (l *Local) serve(w http.ResponseWriter, r *http.Request) *Refusal {
	key, ok := strings.CutPrefix(r.URL.Path, Path)
	if !ok {
		return &noFile
	}
	name, err := FileName(key)
	if err != nil {
		return &noFile
	}
	method := r.Method
	switch method {
	case http.MethodHead:
		method = http.MethodGet
	case http.MethodGet, http.MethodPut:
	default:
		w.Header().Set("Allow", "GET, HEAD, PUT")
		return &wrongMethod
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return &badLink
	}
	switch valid, ended := l.allows(query, method, key); {
	case !valid:
		return &badLink
	case ended:
		return &endedLink
	case method == http.MethodPut:
		return l.receive(w, r, key, name)
	}
	return l.send(w, r, key)
}

// receive keeps an upload. Nothing is left of one that did not arrive whole.
func (l *Local) receive(w http.ResponseWriter, r *http.Request, key, name string) *Refusal {
	if r.ContentLength > l.options.Limit {
		return l.tooLarge()
	}
	deadlines := http.NewResponseController(w)
	body := &sender{from: http.MaxBytesReader(w, r.Body, l.options.Limit), deadlines: deadlines, patience: l.patience}
	whole, err := durable.Spool(l.path(arriving, ""), body)
	_ = deadlines.SetReadDeadline(time.Time{}) // as in Read
	var tooLarge *http.MaxBytesError
	taken := false
	switch {
	case errors.As(body.err, &tooLarge):
		return l.tooLarge()
	case body.err != nil:
		slog.InfoContext(r.Context(), "upload interrupted", "upload", named(key), "error", body.err.Error())
		return &brokenOff
	case err == nil:
		taken, err = l.arrive(r.Context(), whole, key, name)
	}
	if err != nil {
		slog.ErrorContext(r.Context(), "upload failed", "upload", named(key), "error", err.Error())
		return &troubled
	}
	if !taken {
		return &finished
	}
	slog.InfoContext(r.Context(), "uploaded", "upload", named(key), "bytes", body.n)
	w.WriteHeader(http.StatusOK)
	return nil
}

func (l *Local) tooLarge() *Refusal {
	return &Refusal{http.StatusRequestEntityTooLarge, "body-too-large", "Body too large",
		fmt.Sprintf("The file is larger than %d bytes.", l.options.Limit)}
}

func (l *Local) send(w http.ResponseWriter, r *http.Request, key string) *Refusal {
	f, info, err := l.open(key)
	if errors.Is(err, cafe.ErrNotFound) {
		return &noFile
	}
	if err != nil {
		slog.ErrorContext(r.Context(), "download failed", "upload", named(key), "error", err.Error())
		return &troubled
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Type", MediaType(key))
	h.Set("Content-Disposition", attachment(key))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-store")
	http.ServeContent(w, r, "", info.ModTime(), f)
	return nil
}

// sender is an upload's body. It gives up on a client that falls silent, however long
// the upload may take as a whole, and keeps the error that reading ended with.
type sender struct {
	from      io.Reader
	deadlines *http.ResponseController
	patience  time.Duration
	n         int64
	err       error // nil at the end of the file
}

func (s *sender) Read(p []byte) (int, error) {
	// Where the ResponseWriter knows no deadlines, the server's own are what there is.
	_ = s.deadlines.SetReadDeadline(time.Now().Add(s.patience))
	n, err := s.from.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// named is as much of a key as may stand in a log: all but the file's name, which is its
// owner's.
func named(key string) string {
	if at := strings.LastIndexByte(key, '/'); at >= 0 {
		return key[:at]
	}
	return ""
}
