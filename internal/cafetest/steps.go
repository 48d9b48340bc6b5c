package cafetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"cafe/internal/cafe"
	"cafe/internal/daily"
	"cafe/internal/ledger"
	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
	"cafe/model/report"
)

// OnEachCafe runs the test with a café of its own on every engine.
func OnEachCafe(t *testing.T, test func(t *testing.T, c *Cafe)) {
	OnEachEngine(t, func(t *testing.T, e Engine) { test(t, Open(t, e.Open(t))) })
}

// Lines asks for one unit of each SKU; one that is there twice makes two Lines.
func Lines(skus ...string) []model.DraftLine {
	asked := make([]model.DraftLine, len(skus))
	for i, sku := range skus {
		asked[i] = model.DraftLine{SKU: sku, Quantity: 1}
	}
	return asked
}

// Pence asks for that many scones, which cost 1 each.
func Pence(n int64) []model.DraftLine {
	var asked []model.DraftLine
	for ; n > 0; n -= model.MaxQuantity {
		asked = append(asked, model.DraftLine{SKU: "scone", Quantity: min(n, model.MaxQuantity)})
	}
	return asked
}

func Place(t rapid.TB, c *Cafe, customerID string, asked []model.DraftLine) model.Order {
	t.Helper()
	order, _, err := c.Place(context.Background(), Staff, model.Draft{CustomerID: customerID, Lines: asked}, "")
	if err != nil {
		t.Fatal("Place:", err)
	}
	return order
}

func Advance(t rapid.TB, c *Cafe, id string, to ...model.Status) model.Order {
	t.Helper()
	var order model.Order
	for _, status := range to {
		var err error
		if order, err = c.Advance(context.Background(), Owner, id, cafe.Move{To: status}, nil); err != nil {
			t.Fatalf("Advance to %s: %v", status, err)
		}
	}
	return order
}

func Amend(t rapid.TB, c *Cafe, id string, asked []model.DraftLine) model.Order {
	t.Helper()
	order, err := c.Amend(context.Background(), Staff, id, cafe.Amendment{Lines: asked}, AnyVersion)
	if err != nil {
		t.Fatal("Amend:", err)
	}
	return order
}

func Remove(t rapid.TB, c *Cafe, id string) {
	t.Helper()
	if err := c.Remove(context.Background(), Owner, id, nil); err != nil {
		t.Fatal("Remove:", err)
	}
}

func Pay(t rapid.TB, c *Cafe, customerID string, amount model.Money) model.Payment {
	t.Helper()
	paid, _, err := c.Pay(context.Background(), Staff, customerID, amount, "", "", "")
	if err != nil {
		t.Fatal("Pay:", err)
	}
	return paid
}

// any and is are the conditions of callers.
func AnyVersion(int64) bool { return true }

func Version(version int64) records.Match { return func(v int64) bool { return v == version } }

// IsInvalid reports whether the error names just that field.
func IsInvalid(err error, field string) bool {
	var faults model.Invalid
	return errors.As(err, &faults) && len(faults) == 1 && faults[0].Field == field
}

// Together runs n copies of work at the same time and waits for them.
func Together(n int, work func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			work(i)
		})
	}
	close(start)
	all.Wait()
}

// Patiently calls again for as long as the answer is that others were quicker, as a
// client told 503 would.
func Patiently(call func() error) error {
	for {
		if err := call(); !errors.Is(err, table.ErrConflict) {
			return err
		}
	}
}

// Stored returns the items of the table whose partition begins with the prefix.
func Stored(t rapid.TB, c *Cafe, prefix string) map[table.Key]table.Item {
	t.Helper()
	items := map[table.Key]table.Item{}
	for _, row := range Rows(t, c.Table) {
		if len(row.Key.PK) >= len(prefix) && row.Key.PK[:len(prefix)] == prefix {
			items[row.Key] = row.Item
		}
	}
	return items
}

func WantTotals(t rapid.TB, c *Cafe, id string, balance, spent model.Money, orders int64) {
	t.Helper()
	b, s, o := c.Totals(t, id)
	if b != balance || s != spent || o != orders {
		t.Errorf("%s: balance %d, spent %d, %d orders; want %d, %d, %d", id, b, s, o, balance, spent, orders)
	}
}

var ErrDown = errors.New("topic is away")

// Alerts posts what was recorded since it was last called, announces what that puts into
// the outbox, and returns the messages published meanwhile.
func Alerts(t rapid.TB, c *Cafe) []outbox.Message {
	t.Helper()
	before := len(c.Notifier.Published())
	c.Post(t, c.Recorder.Changes(ledger.Wants)...)
	c.Announce(t, c.Recorder.Changes(outbox.Wants)...)
	c.Recorder.Forget()
	return c.Notifier.Published()[before:]
}

// Profile makes what staff may say about a customer and e-mail.
func Profile(notify bool, email string) model.Profile {
	return model.Profile{Name: "Alice", Email: email, Notify: notify}
}

// History lets things happen and returns the records that the ledger's consumer gets.
func History(t *rapid.T, c *Cafe, most int) []records.Change {
	c.Happen(t, most)
	return c.Recorder.Changes(ledger.Wants)
}

// Through follows a list to its end with pages of that size, and returns the ids.
func Through(t *testing.T, c *Cafe, by cafe.Caller, f cafe.Filter, limit int) (ids []string) {
	t.Helper()
	next := ""
	for pages := 0; ; pages++ {
		orders, rest, err := c.Orders(context.Background(), by, f, next, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(orders) > limit {
			t.Fatalf("page of %d orders, limit %d", len(orders), limit)
		}
		for _, o := range orders {
			ids = append(ids, o.ID)
		}
		if rest == "" {
			return ids
		}
		if pages > 200 {
			t.Fatalf("the list does not end: %d orders so far", len(ids))
		}
		next = rest
	}
}

// EveryWay is how storage calls go wrong; on a slow engine only the worst.
func EveryWay(e Engine) []tabletest.Way {
	if e.Slow {
		return []tabletest.Way{tabletest.FailsAfter}
	}
	return []tabletest.Way{
		tabletest.FailsBefore, tabletest.FailsAfter, tabletest.CrashesBefore, tabletest.CrashesAfter,
		tabletest.IsThrottled, tabletest.Conflicts,
	}
}

// Spoil makes a stored item wrong behind the café's back.
func Spoil(t rapid.TB, c *Cafe, key table.Key, set table.Item) {
	t.Helper()
	op := table.Update(key, table.Present())
	op.Set = set
	if err := c.Table.Write(context.Background(), op); err != nil {
		t.Fatalf("Spoil %s: %v", key, err)
	}
}

// Saturday is the day on which the clocks of cafés start.
const Saturday = model.Day("2017-03-18")

// ClockAt sets the clock to a time of the café's, 2017-03-18 20:00.
func ClockAt(t rapid.TB, c *Cafe, local string) {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04", local, c.Calendar.Zone)
	if err != nil {
		t.Fatal(err)
	}
	c.Clock.Pass(at.Sub(c.Clock.Now()))
}

// Deliver posts and announces what has happened since the last time.
func Deliver(t rapid.TB, c *Cafe) {
	t.Helper()
	c.Post(t, c.Recorder.Changes(ledger.Wants)...)
	c.Announce(t, c.Recorder.Changes(outbox.Wants)...)
	c.Recorder.Forget()
}

// Sell places orders of one unit each, at that time, and posts them.
func Sell(t rapid.TB, c *Cafe, local string, skus ...string) (orders []model.Order) {
	t.Helper()
	ClockAt(t, c, local)
	for _, sku := range skus {
		orders = append(orders, Place(t, c, model.WalkIn, Lines(sku)))
	}
	Deliver(t, c)
	return orders
}

// MakeReport makes the day's report as the schedule does, and returns its revision.
func MakeReport(t rapid.TB, c *Cafe, day model.Day) int {
	t.Helper()
	if err := c.Reports.Extract(context.Background(), day); err != nil {
		t.Fatal("extract:", err)
	}
	revision, err := c.Reports.Analyse(context.Background(), day)
	if err != nil {
		t.Fatal("analyse:", err)
	}
	if err := c.Reports.Send(context.Background(), day, revision); err != nil {
		t.Fatal("send:", err)
	}
	Deliver(t, c)
	return revision
}

func ReadReport(t rapid.TB, c *Cafe, day model.Day) daily.Document {
	t.Helper()
	r, err := c.Reports.Report(context.Background(), day)
	if err != nil {
		t.Fatalf("report of %s: %v", day, err)
	}
	return r
}

func WantFigures(t rapid.TB, r report.Report, revision int, orders int64, revenue model.Money) {
	t.Helper()
	if r.Revision != revision || r.Orders != orders || r.Revenue != revenue {
		t.Errorf("%s revision %d: %d orders, %d; want revision %d: %d orders, %d", r.Day, r.Revision, r.Orders, r.Revenue, revision, orders, revenue)
	}
}

// Counter is a café that takes uploads.
type Counter struct {
	*Cafe
	Files *Files
}

func OnEachCounter(t *testing.T, test func(t *testing.T, c Counter)) {
	OnEachCafe(t, func(t *testing.T, c *Cafe) { test(t, Counter{c, NewFiles()}) })
}

func ImportDraft(kind model.ImportKind) model.ImportDraft {
	return model.ImportDraft{Kind: kind, Name: string(kind) + ".csv"}
}

// Tally says in words what came of an import.
func Tally(im model.Import) string {
	return fmt.Sprintf("%s: %d rows, %d created, %d updated, %d unchanged, %d rejected, %d skipped",
		im.Status, im.Rows, im.Created, im.Updated, im.Unchanged, im.Rejected, im.SkippedRows)
}

func WantTally(t rapid.TB, im model.Import, want string) {
	t.Helper()
	if got := Tally(im); got != want {
		t.Errorf("import is %s\nwant %s; problems %v", got, want, im.Problems)
	}
}

const Sales = `order_id,date,time,item,quantity,unit_price,customer_id,status
1,2017-03-17,09:58:11,Latte,1,,alice,
1,2017-03-17,09:58:11,Brownie,2,2.50,alice,
2,2017-03-17,10:05:34,tea,1,,,
3,2017-03-17,23:59:59,NONE,1,,,
4,2017-03-17,00:30:00,tea,3,,0,refunded
`

// upload begins an import and puts its file where it was told to.
func (c Counter) Upload(t rapid.TB, draft model.ImportDraft, text string) (id, key string) {
	t.Helper()
	up, err := c.Imports.Begin(context.Background(), c.Files, Staff.Role, draft)
	if err != nil {
		t.Fatal("begin import:", err)
	}
	key = KeyOf("put", up.URL)
	if err := c.Files.Put(context.Background(), key, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return up.ImportID, key
}

// bring uploads a file and imports it.
func (c Counter) Bring(t rapid.TB, draft model.ImportDraft, text string) model.Import {
	t.Helper()
	id, key := c.Upload(t, draft, text)
	if err := c.Imports.Run(context.Background(), c.Files, key); err != nil {
		t.Fatal("import:", err)
	}
	im := c.Result(t, id)
	if !im.Finished() {
		t.Fatalf("the import is %s", im.Status)
	}
	return im
}

func (c Counter) Result(t rapid.TB, id string) model.Import {
	t.Helper()
	im, url, err := c.Imports.Result(context.Background(), c.Files, id)
	if err != nil {
		t.Fatal("result of the import:", err)
	}
	if got := KeyOf("get", url); im.HasRejects() != (got == "rejects/"+id+".csv") || im.HasRejects() != (url != "") {
		t.Errorf("rejects are at %q; there are some: %v", url, im.HasRejects())
	}
	return im
}

func (c Counter) RejectsOf(im model.Import) string { return c.Files.Text("rejects/" + im.ID + ".csv") }

// TakeBack takes an import back, by as many calls as that takes.
func (c Counter) TakeBack(t rapid.TB, id string) model.Undo {
	t.Helper()
	for range 10_000 {
		undo, err := c.Imports.Undo(context.Background(), id)
		if err != nil {
			t.Fatal("undo:", err)
		}
		if !undo.FinishedAt.IsZero() {
			return undo
		}
		c.Clock.Pass(time.Second)
	}
	t.Fatal("the undo never ends")
	return model.Undo{}
}

// WantUndo wants an undo to have come to that: "18 removed, 1 kept".
func WantUndo(t rapid.TB, u model.Undo, want string) {
	t.Helper()
	if got := fmt.Sprintf("%d removed, %d kept", u.Removed, u.KeptCount); got != want || u.FinishedAt.IsZero() || int64(len(u.Kept)) != min(u.KeptCount, model.MaxKept) {
		t.Errorf("the undo came to %s, want %s; kept: %v", got, want, u.Kept)
	}
}
