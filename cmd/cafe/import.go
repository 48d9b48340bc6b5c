package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cheggaaa/pb/v3"
	"github.com/urfave/cli/v3"

	"cafe/model"
)

func importCommand() *cli.Command {
	return &cli.Command{
		Name:      "import",
		Usage:     "upload a file of orders, stock or menu, and print what came of it",
		ArgsUsage: "FILE",
		Description: "FILE is CSV with a header row, gzipped or not. The command ends with status 1 when anything of it was rejected;\n" +
			"the rejects file has the rejected rows with their reasons. Mend it and import it: what went in already stays.",
		Flags: append(clientFlags(),
			&cli.StringFlag{Name: "kind", Value: string(model.ImportOrders), Usage: "what the file holds: orders, stock or menu"},
			&cli.StringFlag{Name: "source", Value: "till", Usage: "which till the order ids are of"},
			&cli.StringSliceFlag{Name: "ignore", Usage: "items whose rows are no sale, such as NONE,Adjustment"},
			&cli.StringFlag{Name: "payment", Value: string(model.TermsCounter), Usage: "what orders of named customers are whose rows do not say: counter, or account for their tab"},
			&cli.BoolFlag{Name: "keep-sample", Usage: "with a menu: keep the sample menu, which is retired otherwise"},
			&cli.StringFlag{Name: "rejects", Usage: "print the rejected rows of the import of that id, with their reasons; they are kept for 30 days"},
			&cli.StringFlag{Name: "undo", Usage: "take back what the import of that id created and nobody changed since; it ends with status 1 when something stays"},
			&cli.BoolFlag{Name: "list", Usage: "list the newest imports, with their ids"},
			&cli.BoolFlag{Name: "dry-run", Usage: "work out the result, and store nothing"},
		),
		Action: func(ctx context.Context, c *cli.Command) error {
			switch {
			case c.IsSet("rejects"):
				return fetchRejects(ctx, c)
			case c.IsSet("undo"):
				return undoImport(ctx, c)
			case c.Bool("list"):
				return listImports(ctx, c)
			}
			if c.NArg() != 1 {
				return wrongUsage("import takes one file; there are %d", c.NArg())
			}
			file, err := os.Open(c.Args().First())
			if err != nil {
				return err
			}
			defer file.Close()
			switch info, err := file.Stat(); {
			case err != nil:
				return err
			case info.IsDir():
				return fmt.Errorf("%s is a folder; import takes one file", c.Args().First())
			}
			cl, err := newClient(c, model.RoleStaff)
			if err != nil {
				return err
			}
			name := filepath.Base(file.Name())
			draft := importDraft{c.String("kind"), name, c.String("source"), append([]string{}, c.StringSlice("ignore")...), c.String("payment"), c.Bool("dry-run"), c.Bool("keep-sample")}
			result, err := bring(ctx, cl, file, draft, newProgress(c.Root().ErrWriter))
			if err != nil {
				return err
			}
			if result.Status == string(model.ImportFailed) {
				return fmt.Errorf("%s was not imported. %s", name, result.Errors[0].Reason)
			}
			summarize(c.Root().Writer, draft, result)
			if result.Rejected > 0 {
				return exitStatus(1)
			}
			return nil
		},
	}
}

// fetchRejects prints the rejects file of an import.
func fetchRejects(ctx context.Context, c *cli.Command) error {
	if err := noArguments(c); err != nil {
		return err
	}
	cl, err := newClient(c, model.RoleStaff)
	if err != nil {
		return err
	}
	id := c.String("rejects")
	answer, err := cl.call(ctx, "GET", "/imports/"+url.PathEscape(id), "", nil)
	if err != nil {
		return err
	}
	var r importResult
	if err := json.Unmarshal(answer, &r); err != nil {
		return fmt.Errorf("the café's answer cannot be read: %w", err)
	}
	if r.RejectsURL == "" {
		return fmt.Errorf("import %s rejected nothing", id)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.RejectsURL, nil)
	if err != nil {
		return fmt.Errorf("the café's answer cannot be read: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("rejects: %w", errors.Unwrap(err))
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
		return fmt.Errorf("rejects: %w", refusal(response, text))
	}
	if _, err := io.Copy(c.Root().Writer, response.Body); err != nil {
		return fmt.Errorf("rejects: %w", err)
	}
	return nil
}

// importDraft is the body of POST /imports.
type importDraft struct {
	Kind        string   `json:"kind"`
	Name        string   `json:"name"`
	Source      string   `json:"source"`
	IgnoreItems []string `json:"ignore_items"`
	Payment     string   `json:"payment"`
	DryRun      bool     `json:"dry_run"`
	KeepSample  bool     `json:"keep_sample"`
}

// importResult is the answer of GET /imports/{id}.
type importResult struct {
	ID, Kind, Name, Source, Status    string
	CreatedAt                         string `json:"created_at"`
	DryRun                            bool   `json:"dry_run"`
	Rows, Created, Updated, Unchanged int64
	Rejected                          int64
	SkippedRows                       int64 `json:"skipped_rows"`
	Errors                            []struct {
		Line   int
		Reason string
	}
	RejectsURL string `json:"rejects_url"`
	Totals     *struct {
		Orders   int64
		Revenue  model.Money
		Currency string
		ByDay    []importDay `json:"by_day"`
	}
	Columns *struct {
		Read    map[string]string
		NotRead []string `json:"not_read"`
	}
	Notes []string
	Undo  *undoResult
}

// importDay is the totals of a day, or of a month.
type importDay struct {
	Day     string
	Orders  int64
	Revenue model.Money
}

// bring makes the three calls of an import, and waits until it is finished.
func bring(ctx context.Context, cl client, file *os.File, draft importDraft, p *progress) (r importResult, err error) {
	rows, err := countRows(file)
	if err != nil {
		return r, err
	}
	answer, err := cl.call(ctx, "POST", "/imports", "", draft)
	if err != nil {
		return r, err
	}
	var begun struct {
		ID        string
		UploadURL string `json:"upload_url"`
	}
	if err := json.Unmarshal(answer, &begun); err != nil {
		return r, fmt.Errorf("the café's answer cannot be read: %w", err)
	}
	if err := send(ctx, begun.UploadURL, file, p); err != nil {
		return r, err
	}
	r, err = await(ctx, cl, begun.ID, func(now importResult) {
		p.at("importing", "rows", now.Rows, rows)
		if len(now.Notes) > 0 && now.Status == string(model.ImportRunning) {
			p.note(now.Notes[0])
		}
	})
	p.end()
	if err != nil {
		return r, fmt.Errorf("%w (the file is with the café, which goes on: see %s/imports/%s)", err, cl.url, begun.ID)
	}
	return r, nil
}

// countRows returns about how many rows the file has below its header, which is good
// enough for a progress bar, and goes back to its beginning.
func countRows(file *os.File) (rows int64, err error) {
	in := bufio.NewReaderSize(file, 64<<10)
	var text io.Reader = in
	if magic, _ := in.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		if text, err = gzip.NewReader(in); err != nil {
			text = strings.NewReader("") // the café says what is wrong with it
		}
	}
	buf := make([]byte, 64<<10)
	for last := byte('\n'); ; {
		n, err := text.Read(buf)
		rows += int64(bytes.Count(buf[:n], []byte{'\n'}))
		if n > 0 {
			last = buf[n-1]
		}
		if err != nil {
			if last != '\n' {
				rows++
			}
			break
		}
	}
	_, err = file.Seek(0, io.SeekStart)
	return max(rows-1, 0), err
}

// send uploads the file.
func send(ctx context.Context, address string, file *os.File, p *progress) error {
	defer p.end()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	var body io.Reader = &counted{file, func(sent int64) { p.at("uploading", "bytes", sent, info.Size()) }, 0}
	if info.Size() == 0 {
		body = http.NoBody // a length of 0 would mean that it is not known
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, address, body)
	if err != nil {
		return fmt.Errorf("the café's answer cannot be read: %w", err)
	}
	r.ContentLength = info.Size()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("upload: %w", errors.Unwrap(err))
	}
	defer response.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("upload: %w", refusal(response, answer))
	}
	return nil
}

// counted tells how much has been read.
type counted struct {
	io.Reader
	tell func(int64)
	n    int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	c.tell(c.n)
	return n, err
}

const (
	// trust is for how long a café that does not answer, or not well, is asked again.
	trust = time.Minute
	// standstill is for how long nothing may change: longer than an importer on AWS may
	// take with all its attempts.
	standstill = time.Hour
)

// await asks how far the import is until it is finished.
func await(ctx context.Context, cl client, id string, tell func(now importResult)) (r importResult, err error) {
	pause := 100 * time.Millisecond
	heard, moved, last := time.Now(), time.Now(), ""
	for {
		answer, err := cl.call(ctx, "GET", "/imports/"+id, "", nil)
		var no *refused
		switch {
		case err == nil:
			heard = time.Now()
			if last != string(answer) {
				last, moved = string(answer), heard
			}
			r = importResult{}
			if err := json.Unmarshal(answer, &r); err != nil {
				return r, fmt.Errorf("the café's answer cannot be read: %w", err)
			}
			if tell(r); r.Status == string(model.ImportDone) || r.Status == string(model.ImportFailed) && len(r.Errors) > 0 {
				return r, nil
			}
		case ctx.Err() != nil:
			return r, errors.New("interrupted")
		case errors.As(err, &no) && no.status != http.StatusTooManyRequests && no.status < 500, time.Since(heard) > trust:
			return r, err
		}
		if time.Since(moved) > standstill {
			return r, errors.New("nothing has moved for an hour")
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		pause = min(pause*3/2, time.Second)
	}
}

// progress shows how far something is: by a bar on a terminal, by lines elsewhere.
type progress struct {
	out  io.Writer
	bar  *pb.ProgressBar
	line time.Time // when the last was written
	said string    // the last note
}

// lineEvery is how often a line is written where there is no bar.
const lineEvery = 5 * time.Second

func newProgress(out io.Writer) *progress { return &progress{out: out, line: time.Now()} }

// at shows that so many of a total are done.
func (p *progress) at(what, unit string, done, total int64) {
	if p.bar == nil {
		p.bar = pb.New64(total).SetTemplateString(fmt.Sprintf(`%-9s {{counters . }} {{bar . "[" "█" "█" "·" "]"}} {{percent . }}`, what)).
			SetMaxWidth(80).Set(pb.Bytes, unit == "bytes").SetWriter(p.out)
		if p.onTerminal() {
			p.bar.Start()
		}
	}
	p.bar.SetTotal(max(total, done)).SetCurrent(done)
	if !p.onTerminal() && time.Since(p.line) >= lineEvery {
		p.line = time.Now()
		fmt.Fprintf(p.out, "%s: %s of %s %s\n", what, grouped(done), grouped(max(total, done)), unit)
	}
}

// note says once, while work goes on, what somebody may want to stop it for.
func (p *progress) note(text string) {
	if text == p.said {
		return
	}
	p.said = text
	if p.bar != nil && p.onTerminal() {
		fmt.Fprintln(p.out)
	}
	fmt.Fprintln(p.out, "Note: "+text)
}

func (p *progress) onTerminal() bool { return p.bar.GetBool(pb.Terminal) }

// end ends what at has begun.
func (p *progress) end() {
	if p.bar != nil && p.onTerminal() {
		p.bar.Finish()
	}
	p.bar = nil
}
