package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"cafe/model"
)

// beginImport answers with the address for the upload.
func (s *server) beginImport(c *gin.Context) error {
	var r struct {
		Kind        optional[string]   `json:"kind"`
		Name        optional[string]   `json:"name"`
		Source      optional[string]   `json:"source"`
		IgnoreItems optional[[]string] `json:"ignore_items"`
		DryRun      optional[bool]     `json:"dry_run"`
	}
	if err := decode(c, &r); err != nil {
		return err
	}
	var faults model.Invalid
	draft := model.ImportDraft{
		Kind: model.ImportKind(r.Kind.need(&faults, "/kind")), Name: r.Name.need(&faults, "/name"),
		Source: r.Source.or(&faults, "/source", ""), Ignore: r.IgnoreItems.or(&faults, "/ignore_items", nil),
		DryRun: r.DryRun.or(&faults, "/dry_run", false),
	}
	if r.Source.Given && !r.Source.Null && draft.Source == "" {
		faults.Add("/source", "must not be empty")
	}
	if err := faults.Err(); err != nil {
		return err
	}
	upload, err := s.imports.Begin(c.Request.Context(), s.links, caller(c).Role, draft)
	if err != nil {
		return err
	}
	c.Header("Location", "/imports/"+upload.ImportID)
	c.Header("Cache-Control", "no-store") // anybody with the address may upload
	return answer(c, http.StatusCreated, struct {
		ID        string `json:"id"`
		UploadURL string `json:"upload_url"`
		ExpiresAt string `json:"expires_at"`
	}{upload.ImportID, upload.URL, model.Timestamp(upload.ExpiresAt)})
}

// getImport answers with the progress and the result of an import.
func (s *server) getImport(c *gin.Context) error {
	id, err := pathID(c, "id")
	if err != nil {
		return err
	}
	im, rejectsURL, err := s.imports.Result(c.Request.Context(), s.links, id)
	if err != nil {
		return err
	}
	type problem struct {
		Line   int    `json:"line"`
		Reason string `json:"reason"`
	}
	problems := make([]problem, len(im.Problems))
	for i, p := range im.Problems {
		problems[i] = problem(p)
	}
	c.Header("Cache-Control", "no-store")
	return answer(c, http.StatusOK, struct {
		ID          string             `json:"id"`
		Kind        model.ImportKind   `json:"kind"`
		Status      model.ImportStatus `json:"status"`
		Rows        int64              `json:"rows"`
		Created     int64              `json:"created"`
		Updated     int64              `json:"updated"`
		Unchanged   int64              `json:"unchanged"`
		Rejected    int64              `json:"rejected"`
		SkippedRows int64              `json:"skipped_rows"`
		Errors      []problem          `json:"errors"`
		RejectsURL  string             `json:"rejects_url,omitempty"`
	}{im.ID, im.Kind, im.Status, im.Rows, im.Created, im.Updated, im.Unchanged, im.Rejected, im.SkippedRows, problems, rejectsURL})
}

// RefuseFile answers a request for a file, an upload or a rejects file, that is refused. The
// local café serves these addresses beside the router. On AWS S3 serves them, so the
// reference does not list their problems.
func RefuseFile(w http.ResponseWriter, r *http.Request, status int, kind, title, detail string) {
	id, _ := r.Context().Value(requestIDKey{}).(string)
	p := &Problem{Type: "/problems/" + kind, Title: title, Status: status, Detail: detail}
	if status == http.StatusServiceUnavailable {
		p.retryAfter = 1
	}
	WriteProblem(w, r, p, id)
}
