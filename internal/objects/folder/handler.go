package folder

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"cafe/internal/objects"
	"cafe/model"
)

// Path is the beginning of every link's path.
const Path = "/uploads/"

// Refusal says why a request was refused.
type Refusal struct {
	Status int
	Kind   string // a stable name, such as link-expired
	Title  string
	Detail string // a sentence for the client
}

var (
	noFile      = Refusal{http.StatusNotFound, "not-found", "Not found", "It does not exist, or you may not see it."}
	wrongMethod = Refusal{http.StatusMethodNotAllowed, "method-not-allowed", "Method not allowed", "A file is sent with PUT and fetched with GET."}
	badLink     = Refusal{http.StatusForbidden, "link-invalid", "Link not valid", "This link is not for this file and method. Use it exactly as the café gave it to you."}
	expiredLink = Refusal{http.StatusForbidden, "link-expired", "Link expired", "This link has expired. Ask for a new one."}
	brokenOff   = Refusal{http.StatusBadRequest, "upload-interrupted", "Upload interrupted", "The file did not arrive whole and was not kept. Send it again."}
	finished    = Refusal{http.StatusConflict, "import-finished", "Import finished", "The import that this link is for has finished, so the file was not read. Begin another import for it."}
	troubled    = Refusal{http.StatusServiceUnavailable, "unavailable", "Unavailable", "The café cannot write or read files at the moment. You can safely send the same request again."}
)

// Handler serves the links, at Path. It leaves a request that it refuses to the function
// refuse, which answers it and keeps the headers that are already set.
func (f *Files) Handler(refuse func(http.ResponseWriter, *http.Request, Refusal)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refusal := f.serve(w, r); refusal != nil {
			if r.Method == http.MethodPut {
				// So that the server does not read the rest of the file.
				w.Header().Set("Connection", "close")
			}
			refuse(w, r, *refusal)
		}
	})
}

func (f *Files) serve(w http.ResponseWriter, r *http.Request) *Refusal {
	key, ok := strings.CutPrefix(r.URL.Path, Path)
	if !ok {
		return &noFile
	}
	name, err := objects.FileName(key)
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
	switch valid, expired := f.allows(query, method, key); {
	case !valid:
		return &badLink
	case expired:
		return &expiredLink
	case method == http.MethodPut:
		return f.receive(w, r, key, name)
	}
	return f.send(w, r, key)
}

// receive takes an upload. It leaves nothing of one that does not arrive whole.
func (f *Files) receive(w http.ResponseWriter, r *http.Request, key, name string) *Refusal {
	if r.ContentLength > f.options.Limit {
		return f.tooLarge()
	}
	body := &sender{from: http.MaxBytesReader(w, r.Body, f.options.Limit)}
	spooled, err := f.spool(body)
	var tooLarge *http.MaxBytesError
	taken := false
	switch {
	case errors.As(body.err, &tooLarge):
		return f.tooLarge()
	case body.err != nil:
		slog.InfoContext(r.Context(), "upload interrupted", "upload", named(key), "error", body.err.Error())
		return &brokenOff
	case err == nil:
		taken, err = f.arrive(r.Context(), spooled, key, name)
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

func (f *Files) tooLarge() *Refusal {
	return &Refusal{http.StatusRequestEntityTooLarge, "body-too-large", "Body too large",
		fmt.Sprintf("The file is larger than %d bytes.", f.options.Limit)}
}

func (f *Files) send(w http.ResponseWriter, r *http.Request, key string) *Refusal {
	file, info, err := f.open(key)
	if errors.Is(err, model.ErrNotFound) {
		return &noFile
	}
	if err != nil {
		slog.ErrorContext(r.Context(), "download failed", "upload", named(key), "error", err.Error())
		return &troubled
	}
	defer file.Close()
	h := w.Header()
	h.Set("Content-Type", objects.MediaType(key))
	h.Set("Content-Disposition", objects.Disposition(key))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "private, no-store")
	http.ServeContent(w, r, "", info.ModTime(), file)
	return nil
}

// sender is the body of an upload. It keeps the error that reading ended with. The server's
// deadlines give up on a client that is silent.
type sender struct {
	from io.Reader
	n    int64
	err  error // nil at the end of the file
}

func (s *sender) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// named returns the part of a key that may be logged: all but the name of the file, which may
// name a person.
func named(key string) string {
	if at := strings.LastIndexByte(key, '/'); at >= 0 {
		return key[:at]
	}
	return ""
}
