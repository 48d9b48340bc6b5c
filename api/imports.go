package api

import (
	"cmp"
	"net/http"

	"cafe/api/rest"

	"github.com/gin-gonic/gin"

	"cafe/api/forms"
	"cafe/internal/imports"
	"cafe/model"
)

// beginImport answers with the address for the upload.
func (s *server) beginImport(c *gin.Context) error {
	var r struct {
		Kind        rest.Optional[string]   `json:"kind"`
		Name        rest.Optional[string]   `json:"name"`
		Source      rest.Optional[string]   `json:"source"`
		IgnoreItems rest.Optional[[]string] `json:"ignore_items"`
		Payment     rest.Optional[string]   `json:"payment"`
		DryRun      rest.Optional[bool]     `json:"dry_run"`
		KeepSample  rest.Optional[bool]     `json:"keep_sample"`
	}
	var faults model.Invalid
	if err := rest.Decode(c, &faults, &r); err != nil {
		return err
	}
	draft := model.ImportDraft{
		Kind: model.ImportKind(r.Kind.Need(&faults, "/kind")), Name: r.Name.Need(&faults, "/name"),
		Source: r.Source.Or(&faults, "/source", ""), Ignore: r.IgnoreItems.Or(&faults, "/ignore_items", nil),
		Payment: model.PaymentTerms(r.Payment.Or(&faults, "/payment", "")),
		DryRun:  r.DryRun.Or(&faults, "/dry_run", false), KeepSample: r.KeepSample.Or(&faults, "/keep_sample", false),
	}
	if r.Payment.Given && !r.Payment.Null && draft.Payment == "" {
		faults.Add("/payment", "must be account or counter")
	}
	if r.Source.Given && !r.Source.Null && draft.Source == "" {
		faults.Add("/source", "must not be empty")
	}
	if len(faults) > 0 {
		return faults.With(imports.CheckDraft(draft))
	}
	upload, err := s.imports.Begin(c.Request.Context(), s.links, rest.Caller(c).Role, draft)
	if err != nil {
		return err
	}
	c.Header("Location", "/imports/"+upload.ImportID)
	return rest.Answer(c, http.StatusCreated, struct {
		ID        string `json:"id"`
		UploadURL string `json:"upload_url"`
		ExpiresAt string `json:"expires_at"`
	}{upload.ImportID, upload.URL, model.Timestamp(upload.ExpiresAt)})
}

// importJSON is an import as lists show it.
type importJSON struct {
	ID          string             `json:"id"`
	Kind        model.ImportKind   `json:"kind"`
	Name        string             `json:"name"`
	Source      string             `json:"source"`
	Payment     model.PaymentTerms `json:"payment"`
	DryRun      bool               `json:"dry_run"`
	Status      model.ImportStatus `json:"status"`
	CreatedAt   string             `json:"created_at"`
	FinishedAt  *string            `json:"finished_at"`
	Rows        int64              `json:"rows"`
	Created     int64              `json:"created"`
	Updated     int64              `json:"updated"`
	Unchanged   int64              `json:"unchanged"`
	Rejected    int64              `json:"rejected"`
	SkippedRows int64              `json:"skipped_rows"`
	Undo        *undoJSON          `json:"undo,omitzero"`
}

// undoJSON is how far an import is taken back. In lists it does not say what stays.
type undoJSON struct {
	Removed    int64      `json:"removed"`
	Kept       []keptJSON `json:"kept,omitzero"`
	KeptCount  int64      `json:"kept_count"`
	FinishedAt *string    `json:"finished_at"`
}

type keptJSON struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}

func undoAnswer(u model.Undo) *undoJSON {
	a := &undoJSON{u.Removed, make([]keptJSON, len(u.Kept)), u.KeptCount, forms.OfTime(u.FinishedAt)}
	for i, k := range u.Kept {
		a.Kept[i] = keptJSON(k)
	}
	return a
}

func importAnswer(im model.Import) importJSON {
	var undo *undoJSON
	if im.Undo != nil {
		undo = undoAnswer(*im.Undo)
	}
	return importJSON{
		im.ID, im.Kind, im.Name, im.Source, cmp.Or(im.Payment, model.TermsCounter), im.DryRun, im.Status, model.Timestamp(im.CreatedAt), forms.OfTime(im.FinishedAt),
		im.Rows, im.Created, im.Updated, im.Unchanged, im.Rejected, im.SkippedRows, undo,
	}
}

// importDetailJSON is an import with all that is known of it.
type importDetailJSON struct {
	importJSON
	Errors     []importProblemJSON `json:"errors"`
	RejectsURL string              `json:"rejects_url,omitempty"`
	Totals     *importTotalsJSON   `json:"totals,omitempty"`
	Columns    *importColumnsJSON  `json:"columns,omitempty"`
	Notes      []string            `json:"notes"`
}

type importProblemJSON struct {
	Line   int    `json:"line"`
	Reason string `json:"reason"`
}

type importTotalsJSON struct {
	Orders   int64           `json:"orders"`
	Revenue  model.Money     `json:"revenue"`
	Currency string          `json:"currency"`
	ByDay    []importDayJSON `json:"by_day"`
}

type importDayJSON struct {
	Day     model.Day   `json:"day"`
	Orders  int64       `json:"orders"`
	Revenue model.Money `json:"revenue"`
}

type importColumnsJSON struct {
	Read    map[string]string `json:"read"`
	NotRead []string          `json:"not_read"`
}

// getImport answers with the progress and the result of an import.
func (s *server) getImport(c *gin.Context) error {
	id, err := rest.PathID(c, "id")
	if err != nil {
		return err
	}
	im, rejectsURL, err := s.imports.Result(c.Request.Context(), s.links, id)
	if err != nil {
		return err
	}
	a := importDetailJSON{importJSON: importAnswer(im), Errors: make([]importProblemJSON, len(im.Problems)), RejectsURL: rejectsURL}
	for i, p := range im.Problems {
		a.Errors[i] = importProblemJSON(p)
	}
	a.Notes = []string{}
	if im.Resembles != "" {
		a.Notes = append(a.Notes, im.Resembles)
	}
	a.Notes = append(a.Notes, im.Summary.Notes...)
	if im.Status == model.ImportDone {
		a.Columns = &importColumnsJSON{Read: im.Summary.Columns.Read, NotRead: append([]string{}, im.Summary.Columns.NotRead...)}
		if im.Kind == model.ImportOrders {
			t := im.Summary.Totals
			a.Totals = &importTotalsJSON{t.Orders, t.Revenue, s.cafe.Currency, make([]importDayJSON, len(t.ByDay))}
			for i, d := range t.ByDay {
				a.Totals.ByDay[i] = importDayJSON(d)
			}
		}
	}
	return rest.Answer(c, http.StatusOK, a)
}

// listImports answers with imports, newest first.
func (s *server) listImports(c *gin.Context) error {
	l, err := s.list(c)
	if err != nil {
		return err
	}
	list, next, err := s.imports.List(c.Request.Context(), l.from, l.limit)
	if err != nil {
		return err
	}
	a := struct {
		Imports    []importJSON `json:"imports"`
		NextCursor string       `json:"next_cursor,omitempty"`
	}{make([]importJSON, len(list)), s.cursors.Seal(l.binding, next)}
	for i, im := range list {
		if a.Imports[i] = importAnswer(im); im.Undo != nil {
			a.Imports[i].Undo.Kept = nil
		}
	}
	return rest.AnswerList(c, a)
}

// undoImport answers with what became of what the import created: 202 while there is more to
// take back.
func (s *server) undoImport(c *gin.Context) error {
	id, err := rest.PathID(c, "id")
	if err != nil {
		return err
	}
	undo, err := s.imports.Undo(c.Request.Context(), id)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if undo.FinishedAt.IsZero() {
		status = http.StatusAccepted
	}
	return rest.Answer(c, status, undoAnswer(undo))
}

// RefuseFile answers a request for a file, an upload or a rejects file, that is refused. The
// local café serves these addresses beside the router. On AWS S3 serves them, so the
// reference does not list their problems.
func RefuseFile(w http.ResponseWriter, r *http.Request, status int, kind, title, detail string) {
	p := &rest.Problem{Type: "/problems/" + kind, Title: title, Status: status, Detail: detail}
	if status == http.StatusServiceUnavailable {
		p = p.RetryIn(1)
	}
	rest.WriteProblem(w, r, p, rest.RequestID(r.Context()))
}
