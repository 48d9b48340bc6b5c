package events

import (
	"compress/gzip"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

// sources are the partitions whose changes are events, and what makes events of a change.
// Each gets a change of its own partitions only, and gives events in their order. Repeated, it
// gives the same ones.
var sources = []struct {
	prefix string
	events func(records.Change) ([]Entry, error)
}{
	{records.PrefixOrder, orderEvents},
	{records.PrefixStock, stockEvents},
	{records.PartitionMenu, menuEvents},
	{records.PrefixOutbox, alertEvents},
	{records.PrefixReport, reportEvents},
	{records.PrefixImport, importEvents},
	{records.PartitionCloses, closeEvents},
}

// Wants reports whether changes in that partition of the table may be events.
func Wants(pk string) bool {
	for _, s := range sources {
		if strings.HasPrefix(pk, s.prefix) {
			return true
		}
	}
	return false
}

// Of returns the events that a change is, in their order. Their Next is not set: they are in no
// log yet. A change that cannot be decoded is an error that records.IsUnreadable.
func Of(change records.Change) ([]Entry, error) {
	for _, s := range sources {
		if strings.HasPrefix(change.Key.PK, s.prefix) {
			return s.events(change)
		}
	}
	return nil, nil
}

// object is a JSON object that is being written.
type object []byte

func (o *object) member(name string) {
	separator := byte(',')
	if len(*o) == 0 {
		separator = '{'
	}
	*o = append(append(append(append(*o, separator, '"'), name...), '"'), ':')
}

func (o *object) text(name, value string) {
	o.member(name)
	*o, _ = jsontext.AppendQuote(*o, value) // broken UTF-8 is mended
}

func (o *object) number(name string, n int64) {
	o.member(name)
	*o = strconv.AppendInt(*o, n, 10)
}

func (o *object) flag(name string, flag bool) {
	o.member(name)
	*o = strconv.AppendBool(*o, flag)
}

// one returns one event. Its subject is the path of a collection and an id.
func one(t model.EventType, collection, id string, version int64, at time.Time, data object) []Entry {
	return []Entry{{Event: model.NewEvent(t, collection+id, version, at, append(data, '}'))}}
}

// orderEvents tells of a new order, of each move, payment and refund, of an amendment and of a
// deletion. Orders that an import brings are history: nobody hears that they are placed, or
// taken back.
func orderEvents(change records.Change) ([]Entry, error) {
	if change.New == nil || change.Key != records.OrderKey(records.IDIn(change.Key, records.PrefixOrder)) {
		return nil, nil
	}
	o, err := records.DecodeOrder(change.Key, change.New)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, t := range whatHappened(change.Old, change.New, o) {
		var data object
		data.text("id", o.ID)
		if o.Number > 0 {
			data.number("number", o.Number)
		}
		data.text("status", string(o.Status))
		data.text("business_day", string(o.BusinessDay))
		data.number("total", int64(o.Total))
		data.number("due", int64(o.Due()))
		if refunded := o.Refunded(); refunded != 0 {
			data.number("refunded", int64(refunded))
		}
		data.text("currency", o.Currency)
		e := one(t, "/orders/", o.ID, o.Version, o.UpdatedAt, data)
		if o.CustomerID != model.WalkIn {
			e[0].Customer = o.CustomerID
		}
		entries = append(entries, e...)
	}
	return entries, nil
}

// whatHappened returns the types of the events that make an order of what it was. was is nil
// for a new order.
func whatHappened(was, is table.Item, o model.Order) (types []model.EventType) {
	deleted, _ := was["deleted"].Bool()
	switch {
	case was == nil && (o.Version > 1 || o.Import != ""), was != nil && (deleted || was.Int("version") >= o.Version):
		return nil
	case o.Deleted:
		if o.Import == "" {
			types = append(types, model.EventOrderDeleted)
		}
		return types
	case was == nil:
		types = append(types, model.EventOrderPlaced)
	case amended(was, is):
		types = append(types, model.EventOrderAmended)
	}
	if length(is["payments"]) > length(was["payments"]) {
		types = append(types, model.EventOrderPaid)
	}
	if t := model.EventType("order." + o.Status); was != nil && was.Str("status") != string(o.Status) && t.Valid() {
		types = append(types, t)
	}
	if length(is["refunds"]) > length(was["refunds"]) && o.Status != model.StatusRefunded {
		types = append(types, model.EventOrderRefunded)
	}
	return types
}

// length returns how many elements a list has, 0 for what is none.
func length(v table.Value) int {
	list, _ := v.List()
	return len(list)
}

// amended reports whether what was ordered has changed. A tip that comes with a payment changes
// the total, too, and is no amendment.
func amended(was, is table.Item) bool {
	names := []string{"lines", "note", "pickup_at"}
	if length(is["payments"]) == length(was["payments"]) && length(is["refunds"]) == length(was["refunds"]) {
		names = append(names, "total", "pricing")
	}
	for _, name := range names {
		if !was[name].Equal(is[name]) {
			return true
		}
	}
	return false
}

// stockEvents tells that a counted item ran out, and that it was restocked: as the ledger
// marks it. The version is the number of the restock.
func stockEvents(change records.Change) ([]Entry, error) {
	sku := records.IDIn(change.Key, records.PrefixStock)
	if change.New == nil || change.Key != records.StockKey(sku) || !model.ValidID(sku) {
		return nil, nil
	}
	s, err := records.DecodeStock(change.Key, change.New)
	if err != nil {
		return nil, err
	}
	var data object
	data.text("sku", sku)
	data.number("on_hand", s.OnHand)
	switch before := change.Old.Int("on_hand"); {
	case s.OnHand <= 0 && before > 0:
		return one(model.EventSoldOut, "/stock/", sku, s.Restock, at(change), data), nil
	case s.OnHand > 0 && change.Old != nil && before <= 0 && change.Old.Int("restock") < s.Restock:
		return one(model.EventRestocked, "/stock/", sku, s.Restock, at(change), data), nil
	}
	return nil, nil
}

// menuEvents tells of each item of the menu that changed or went, and of a new pricing
// document. The version of an item is when it was set, in microseconds; its end is one more.
func menuEvents(change records.Change) ([]Entry, error) {
	var data object
	if change.Key == records.PricingKey {
		if change.New == nil {
			return nil, nil
		}
		version := change.New.Int("version")
		data.number("version", version)
		return one(model.EventPricingChanged, "/pricing", "", version, at(change), data), nil
	}
	sku := change.Key.SK
	if change.Key != records.MenuKey(sku) || !model.ValidID(sku) || sameItem(change.Old, change.New) {
		return nil, nil
	}
	data.text("sku", sku)
	if change.New == nil {
		data.flag("active", false)
		data.flag("deleted", true)
		return one(model.EventMenuChanged, "/menu/", sku, change.Old.Int(records.AttrSetAt)+1, at(change), data), nil
	}
	item, err := records.DecodeMenuItem(change.Key, change.New)
	if err != nil {
		return nil, err
	}
	data.number("price", int64(item.Price))
	data.flag("active", item.Active)
	return one(model.EventMenuChanged, "/menu/", sku, change.New.Int(records.AttrSetAt), at(change), data), nil
}

// sameItem reports whether an item of the menu differs only in when and by whom it was set.
func sameItem(old, new table.Item) bool {
	if old == nil || new == nil {
		return false
	}
	strip := func(item table.Item) table.Item {
		own := table.Item{}
		for name, v := range item {
			if name != records.AttrSetAt && name != records.AttrSetBy && name != records.AttrSetOutcome {
				own[name] = v
			}
		}
		return own
	}
	return strip(old).Equal(strip(new))
}

// alertEvents tells of a tab that rose above its limit, when the alert is put into the outbox.
func alertEvents(change records.Change) ([]Entry, error) {
	alert, ok, err := outbox.HighBalanceIn(change)
	if err != nil || !ok || !model.ValidID(alert.CustomerID) {
		return nil, err
	}
	var data object
	data.text("customer_id", alert.CustomerID)
	data.text("alert_id", alert.AlertID)
	data.number("balance", int64(alert.Balance))
	data.number("credit_limit", int64(alert.CreditLimit))
	data.text("currency", alert.Currency)
	data.number("crossing", alert.Crossing)
	data.text("severity", string(alert.Severity()))
	return one(model.EventHighBalance, "/customers/", alert.CustomerID, alert.Crossing, alert.At, data), nil
}

// reportEvents tells of a new revision of a day's report.
func reportEvents(change records.Change) ([]Entry, error) {
	if change.Old != nil || change.New == nil {
		return nil, nil
	}
	r := records.NewReader(change.Key, change.New)
	var report struct {
		Day      model.Day   `json:"day"`
		Revision int64       `json:"revision"`
		BuiltAt  time.Time   `json:"built_at"`
		Partial  bool        `json:"partial"`
		Currency string      `json:"currency"`
		Orders   int64       `json:"orders"`
		Revenue  model.Money `json:"revenue"`
	}
	zipped, err := gzip.NewReader(strings.NewReader(r.Bytes("json")))
	if err == nil {
		err = json.UnmarshalRead(zipped, &report)
	}
	if r.Note(err); r.Err() != nil {
		return nil, r.Err()
	}
	var data object
	data.text("day", string(report.Day))
	data.number("revision", report.Revision)
	data.flag("partial", report.Partial)
	data.number("orders", report.Orders)
	data.number("revenue", int64(report.Revenue))
	data.text("currency", report.Currency)
	return one(model.EventReportBuilt, "/reports/", string(report.Day), report.Revision, report.BuiltAt, data), nil
}

// importEvents tells that an import is done, or failed.
func importEvents(change records.Change) ([]Entry, error) {
	id := records.IDIn(change.Key, records.PrefixImport)
	if change.New == nil || change.Key != records.ImportKey(id) || change.Old["finished_at"].Kind() != 0 || change.New["finished_at"].Kind() == 0 {
		return nil, nil
	}
	r := records.NewReader(change.Key, change.New)
	r.OwnID(records.PrefixImport)
	var data object
	data.text("id", id)
	data.text("kind", r.Text("kind"))
	data.text("status", r.Text("status"))
	data.flag("dry_run", r.Flag("dry_run"))
	for _, count := range []string{"rows", "created", "updated", "unchanged", "rejected", "skipped_rows"} {
		data.number(count, r.Number(count))
	}
	return one(model.EventImportFinished, "/imports/", id, 1, r.Time("finished_at"), data), r.Err()
}

// closeEvents tells that a day is closed. The version is the number of the close.
func closeEvents(change records.Change) ([]Entry, error) {
	if change.Old != nil || change.New == nil || change.Key == records.CloseHeadKey {
		return nil, nil
	}
	c, err := records.DecodeClose(change.Key, change.New)
	if err != nil {
		return nil, err
	}
	closed, err := time.Parse(time.RFC3339, c.ClosedAt)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", change.Key, err)
	}
	var data object
	data.text("day", string(c.Day))
	data.number("number", c.Number)
	data.number("gross", int64(c.Gross))
	data.number("net", int64(c.Net))
	data.number("tips", int64(c.Tips))
	data.number("refunds", int64(c.Refunds))
	data.text("currency", c.Currency)
	return one(model.EventDayClosed, "/days/", string(c.Day), c.Number, closed.UTC(), data), nil
}

// at returns when a change was written.
func at(change records.Change) time.Time { return change.Time.UTC().Truncate(time.Microsecond) }
