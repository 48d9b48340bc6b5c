package model

import (
	"strconv"
	"time"
)

// ImportKind says what an uploaded file holds.
type ImportKind string

// The kinds: a till's sales, a stock count, a menu.
const (
	ImportOrders ImportKind = "orders"
	ImportStock  ImportKind = "stock"
	ImportMenu   ImportKind = "menu"
)

// ImportStatus is how far an import is.
type ImportStatus string

// An import waits for its file, is read, and is done; or it failed, because the file as
// a whole is no good, or because no attempt to read it came to an end.
const (
	ImportWaiting ImportStatus = "waiting"
	ImportRunning ImportStatus = "running"
	ImportDone    ImportStatus = "done"
	ImportFailed  ImportStatus = "failed"
)

// MaxIgnored is how many items an import may be told to pass over.
const MaxIgnored = 100

// ImportDraft is what a client asks for before they send a file.
type ImportDraft struct {
	Kind   ImportKind
	Name   string   // the file's, for people
	Source string   // which till the order ids are of
	Ignore []string // items whose rows are no sale
	DryRun bool     // work out the result, and store nothing else
}

// Validate returns an Invalid that names every field at fault, or nil.
func (d ImportDraft) Validate() error {
	var faults Invalid
	switch d.Kind {
	case ImportOrders, ImportStock, ImportMenu:
	default:
		faults.Add("/kind", "must be orders, stock or menu")
	}
	faults.CheckText("/name", d.Name, 1, MaxName, false)
	if !ValidID(d.Source) {
		faults.Add("/source", badID)
	}
	if len(d.Ignore) > MaxIgnored {
		faults.Add("/ignore_items", "must have at most "+strconv.Itoa(MaxIgnored)+" items")
	}
	for i, item := range d.Ignore[:min(len(d.Ignore), MaxIgnored)] {
		faults.CheckText("/ignore_items/"+strconv.Itoa(i), item, 1, MaxName, false)
	}
	return faults.Err()
}

// Import is an upload, and what came of it so far.
type Import struct {
	ID string
	ImportDraft
	By         Role // who began it
	Status     ImportStatus
	CreatedAt  time.Time
	FinishedAt time.Time // zero: it has not

	// Rows of the file, and those of them that were passed over. While it runs, Rows
	// are those dealt with so far.
	Rows, SkippedRows int64
	// Orders, or items of a stock count or menu. An order that was created by an
	// earlier attempt at the same import counts as created.
	Created, Updated, Unchanged, Rejected int64

	Problems []ImportProblem // the first, by line
}

// ImportProblem says what is wrong with a line of the file, or with the file (line 0).
type ImportProblem struct {
	Line   int
	Reason string
}

// Finished reports whether nothing more will come of the import.
func (i Import) Finished() bool { return i.Status == ImportDone || i.Status == ImportFailed }

// HasRejects reports whether there is a rejects file.
func (i Import) HasRejects() bool { return i.Status == ImportDone && i.Rejected > 0 }
