package model

import (
	"strconv"
	"time"
)

// ImportKind is the kind of an uploaded file.
type ImportKind string

// The kinds of files: a till's sales, a stock count, and a menu.
const (
	ImportOrders ImportKind = "orders"
	ImportStock  ImportKind = "stock"
	ImportMenu   ImportKind = "menu"
)

// ImportStatus is the status of an import.
type ImportStatus string

// An import waits for its file, then it runs, and then it is done. It fails if the file as a
// whole cannot be read, or if no attempt to read it comes to an end.
const (
	ImportWaiting ImportStatus = "waiting"
	ImportRunning ImportStatus = "running"
	ImportDone    ImportStatus = "done"
	ImportFailed  ImportStatus = "failed"
)

// MaxIgnored is the most items that an import can ignore.
const MaxIgnored = 100

// ImportDraft is a client's request for an import, before the file is sent.
type ImportDraft struct {
	Kind   ImportKind
	Name   string   // the name of the file, for people
	Source string   // the till that the order ids belong to
	Ignore []string // items whose rows are not sales
	// Payment is how the orders of named customers were paid when their rows do not say.
	// Empty is counter: what a till exports was paid there, and a loyalty number is no tab.
	Payment PaymentTerms
	DryRun  bool // compute the result, and store nothing else
	// KeepSample has a menu import leave the sample menu as it is. Otherwise it retires what
	// nobody has ordered or changed of it.
	KeepSample bool
}

// Validate returns an Invalid with all faults, or nil.
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
	switch d.Payment {
	case "", TermsAccount, TermsCounter:
	default:
		faults.Add("/payment", "must be account or counter")
	}
	if len(d.Ignore) > MaxIgnored {
		faults.Add("/ignore_items", "must have at most "+strconv.Itoa(MaxIgnored)+" items")
	}
	for i, item := range d.Ignore[:min(len(d.Ignore), MaxIgnored)] {
		faults.CheckText("/ignore_items/"+strconv.Itoa(i), item, 1, MaxName, false)
	}
	return faults.Err()
}

// Import is an upload and its result so far.
type Import struct {
	ID string
	ImportDraft
	By         Role // the role of the caller who began it
	Status     ImportStatus
	CreatedAt  time.Time
	FinishedAt time.Time // zero while it has not finished

	// The rows of the file, and the rows of ignored items. While the import runs, Rows
	// counts the rows that were handled so far.
	Rows, SkippedRows int64
	// These count orders, or the items of a stock count or a menu. An order that an earlier
	// attempt of the same import created counts as created.
	Created, Updated, Unchanged, Rejected int64

	Problems []ImportProblem // the first problems, in the order of their lines
	Summary  FileSummary     // what was read; zero until it is done

	// Resembles says in a clause that most of the orders look like those of another import.
	// It is known before the import is done, and empty when they do not.
	Resembles string
	Undo      *Undo // how far the import is taken back; nil when nobody asked for it
}

// Undo says what became of the orders, or items, that an import created, since it is taken
// back.
type Undo struct {
	Removed    int64           // that are gone
	Kept       []UndoException // that stay, the first MaxKept of them
	KeptCount  int64           // that stay, all of them
	FinishedAt time.Time       // zero while there is more to do
}

// UndoException is an order or item that stays when its import is taken back.
type UndoException struct {
	ID  string // of the order, or the SKU
	Why string // in a clause
}

// MaxKept is how many orders or items that stay an Undo lists.
const MaxKept = 100

// FileSummary says what was read from a file, so that whoever compares one sum with their
// till knows whether anything is missing.
type FileSummary struct {
	Totals  FileTotals // zero for a stock count or menu
	Columns FileColumns
	Notes   []string // what is worth knowing, a clause each
}

// FileTotals sums up the orders of a file that were taken, those that were unchanged
// included.
type FileTotals struct {
	Orders  int64 // that count, refunds not
	Revenue Money // of orders that count, less refunds
	ByDay   []FileDay
}

// FileDay sums up the orders of a file that are of one business day.
type FileDay struct {
	Day     Day
	Orders  int64
	Revenue Money
}

// FileColumns says which columns of a file were read.
type FileColumns struct {
	// Read are the names of the columns by what they tell: "order id": "Receipt number".
	// Several columns that tell the same are joined by commas, the one that counts first
	// in front.
	Read    map[string]string
	NotRead []string // the names of the others, in the file's order
}

// ImportProblem says what is wrong with a line of the file. Line 0 means the whole file.
type ImportProblem struct {
	Line   int
	Reason string
}

// Finished reports whether the import is done or has failed.
func (i Import) Finished() bool { return i.Status == ImportDone || i.Status == ImportFailed }

// HasRejects reports whether the import has a rejects file.
func (i Import) HasRejects() bool { return i.Status == ImportDone && i.Rejected > 0 }
