package cafe

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"cafe/internal/table"
	"cafe/model"
)

// The one table's layout. Every key is made here and nowhere else.
//
//	order     O#<id>            O        index 1: C#<customer>, index 2: O#<shard>
//	payment   P#<id>            P        index 1: P#<customer>, index 2: P#<shard>
//	customer  C#<id>            C
//	menu      M                 <sku>
//	stock     S#<sku>           S
//	ledger    L#<day>#<shard>   O#<id>, P#<id>; S#<sku> when it ran out that day
//	day       D                 <day>; audit for what the last Reconcile left undone
//	report    R#<day>           <revision>
//	outbox    A#<id>            A        index 2: A while pending
//	          C#<customer>      N        their own subscription to alerts
//	import    I#<id>            I        index 2: I
//
// Index rows of orders and payments are sorted by business day, time and id.
const (
	prefixOrder    = "O#"
	prefixPayment  = "P#"
	prefixCustomer = "C#"
	prefixStock    = "S#"
	prefixLedger   = "L#"
	prefixOutbox   = "A#"
	prefixImport   = "I#"
	prefixReport   = "R#"

	partitionMenu    = "M"
	partitionDays    = "D"
	partitionPending = "A"
	partitionImports = "I"
)

func orderKey(id string) table.Key        { return table.Key{PK: prefixOrder + id, SK: "O"} }
func paymentKey(id string) table.Key      { return table.Key{PK: prefixPayment + id, SK: "P"} }
func customerKey(id string) table.Key     { return table.Key{PK: prefixCustomer + id, SK: "C"} }
func menuKey(sku string) table.Key        { return table.Key{PK: partitionMenu, SK: sku} }
func stockKey(sku string) table.Key       { return table.Key{PK: prefixStock + sku, SK: "S"} }
func dayKey(day model.Day) table.Key      { return table.Key{PK: partitionDays, SK: string(day)} }
func subscriptionKey(id string) table.Key { return table.Key{PK: prefixCustomer + id, SK: "N"} }
func outboxKey(id string) table.Key       { return table.Key{PK: prefixOutbox + id, SK: "A"} }
func importKey(id string) table.Key       { return table.Key{PK: prefixImport + id, SK: "I"} }

func revisionKey(day model.Day, revision int) table.Key {
	return table.Key{PK: prefixReport + string(day), SK: fmt.Sprintf("%06d", revision)}
}

func ledgerPartition(day model.Day, shard int64) string {
	return prefixLedger + string(day) + "#" + strconv.FormatInt(shard, 10)
}

func shardPartition(prefix string, shard int64) string {
	return prefix + strconv.FormatInt(shard, 10)
}

// timeSort is the place of something in an index: by business day, then time, then
// id. The microseconds since 1970 have 16 digits until the year 2286.
func timeSort(day model.Day, at time.Time, id string) string {
	return string(day) + "#" + fmt.Sprintf("%016d", at.UnixMicro()) + "#" + id
}

func moment(t time.Time) table.Value { return table.Int(t.UnixMicro()) }

// itemOf maps an order for the table. Attributes that say nothing are left out.
func itemOf(o model.Order) table.Item {
	item := table.Item{
		"customer_id":  table.String(o.CustomerID),
		"payment":      table.String(string(o.Payment)),
		"status":       table.String(string(o.Status)),
		"lines":        linesValue(o.Lines),
		"total":        table.Int(int64(o.Total)),
		"currency":     table.String(o.Currency),
		"placed_at":    moment(o.PlacedAt),
		"updated_at":   moment(o.UpdatedAt),
		"business_day": table.String(string(o.BusinessDay)),
		"version":      table.Int(o.Version),
		"posting":      table.Int(o.Posting),
		"shard":        table.Int(o.Shard),
	}
	putText(item, "note", o.Note)
	putText(item, "fingerprint", o.Fingerprint)
	putText(item, "import_id", o.Import)
	putMoment(item, "pickup_at", o.PickupAt)
	putFlag(item, "took_stock", o.TookStock)
	putFlag(item, "deleted", o.Deleted)
	if !o.Deleted {
		item[table.AttrSort] = table.String(timeSort(o.BusinessDay, o.PlacedAt, o.ID))
		item[table.AttrIndex2] = table.String(shardPartition(prefixOrder, o.Shard))
		if o.CustomerID != model.WalkIn {
			item[table.AttrIndex1] = table.String(prefixCustomer + o.CustomerID)
		}
	}
	return item
}

func linesValue(lines []model.Line) table.Value {
	list := make([]table.Value, len(lines))
	for i, l := range lines {
		line := table.Item{
			"sku":        table.String(l.SKU),
			"name":       table.String(l.Name),
			"quantity":   table.Int(l.Quantity),
			"unit_price": table.Int(int64(l.UnitPrice)),
			"total":      table.Int(int64(l.Total)),
		}
		putText(line, "note", l.Note)
		putFlag(line, "counted", l.Counted)
		if len(l.Options) > 0 {
			line["options"] = optionsValue(l.Options)
		}
		list[i] = table.Map(line)
	}
	return table.List(list...)
}

func optionsValue(options []model.Option) table.Value {
	list := make([]table.Value, len(options))
	for i, o := range options {
		list[i] = table.Map(table.Item{
			"id": table.String(o.ID), "name": table.String(o.Name), "price": table.Int(int64(o.Price)),
		})
	}
	return table.List(list...)
}

func putText(item table.Item, name, s string) {
	if s != "" {
		item[name] = table.String(s)
	}
}

func putFlag(item table.Item, name string, b bool) {
	if b {
		item[name] = table.Bool(true)
	}
}

func putMoment(item table.Item, name string, t time.Time) {
	if !t.IsZero() {
		item[name] = moment(t)
	}
}

// orderOf reads an order back. Whatever an item holds, it never panics; an item that
// is no order is an error that names the attribute.
func orderOf(key table.Key, item table.Item) (model.Order, error) {
	r := reader{item: item}
	o := model.Order{
		ID:          r.own(key, prefixOrder),
		CustomerID:  r.id("customer_id"),
		Payment:     model.PaymentTerms(r.text("payment")),
		Status:      model.Status(r.text("status")),
		Total:       model.Money(r.number("total")),
		Currency:    r.text("currency"),
		PlacedAt:    r.moment("placed_at"),
		UpdatedAt:   r.moment("updated_at"),
		BusinessDay: r.day("business_day"),
		Version:     r.number("version"),
		Posting:     r.atLeast("posting", 1),
		Shard:       r.atLeast("shard", 0),
		Note:        r.optional("note"),
		Fingerprint: r.optional("fingerprint"),
		Import:      r.optional("import_id"),
		TookStock:   r.flag("took_stock"),
		Deleted:     r.flag("deleted"),
	}
	if r.has("pickup_at") {
		o.PickupAt = r.moment("pickup_at")
	}
	lines := r.list("lines")
	o.Lines = make([]model.Line, 0, len(lines))
	for _, v := range lines {
		l := r.inner(v)
		o.Lines = append(o.Lines, model.Line{
			SKU: l.text("sku"), Name: l.text("name"), Quantity: l.number("quantity"),
			UnitPrice: model.Money(l.number("unit_price")), Total: model.Money(l.number("total")),
			Options: l.options(), Note: l.optional("note"), Counted: l.flag("counted"),
		})
		r.note(l.err)
	}
	if r.err == nil && !o.Status.Valid() {
		r.fail("status")
	}
	return o, r.wrap(key)
}

func paymentItem(p model.Payment) table.Item {
	item := table.Item{
		"customer_id":    table.String(p.CustomerID),
		"amount":         table.Int(int64(p.Amount)),
		"currency":       table.String(p.Currency),
		"at":             moment(p.At),
		"business_day":   table.String(string(p.BusinessDay)),
		"shard":          table.Int(p.Shard),
		table.AttrIndex1: table.String(prefixPayment + p.CustomerID),
		table.AttrIndex2: table.String(shardPartition(prefixPayment, p.Shard)),
		table.AttrSort:   table.String(timeSort(p.BusinessDay, p.At, p.ID)),
	}
	putText(item, "note", p.Note)
	putText(item, "fingerprint", p.Fingerprint)
	return item
}

func paymentOf(key table.Key, item table.Item) (model.Payment, error) {
	r := reader{item: item}
	p := model.Payment{
		ID:          r.own(key, prefixPayment),
		CustomerID:  r.id("customer_id"),
		Amount:      model.Money(r.atLeast("amount", 1)),
		Currency:    r.text("currency"),
		At:          r.moment("at"),
		BusinessDay: r.day("business_day"),
		Shard:       r.atLeast("shard", 0),
		Note:        r.optional("note"),
		Fingerprint: r.optional("fingerprint"),
	}
	return p, r.wrap(key)
}

func menuItem(i model.Item) table.Item {
	item := table.Item{
		"name":     table.String(i.Name),
		"category": table.String(i.Category),
		"price":    table.Int(int64(i.Price)),
	}
	putFlag(item, "counted", i.Counted)
	putFlag(item, "active", i.Active)
	if len(i.Options) > 0 {
		item["options"] = optionsValue(i.Options)
	}
	return item
}

func menuItemOf(key table.Key, item table.Item) (model.Item, error) {
	r := reader{item: item}
	i := model.Item{
		SKU: key.SK, Name: r.text("name"), Category: r.text("category"), Price: model.Money(r.number("price")),
		Counted: r.flag("counted"), Active: r.flag("active"), Options: r.options(),
	}
	return i, r.wrap(key)
}

func stockOf(key table.Key, item table.Item) (model.Stock, error) {
	r := reader{item: item}
	s := model.Stock{SKU: idOf(key, prefixStock), OnHand: r.number("on_hand")}
	if r.has("restock") {
		s.Restock = r.number("restock")
	}
	return s, r.wrap(key)
}

func customerItem(c model.Customer) table.Item {
	item := table.Item{
		"balance":   table.Int(int64(c.Balance)),
		"orders":    table.Int(c.Orders),
		"spent":     table.Int(int64(c.Spent)),
		"crossings": table.Int(c.Crossings),
		"version":   table.Int(c.Version),
	}
	putText(item, "name", c.Name)
	putText(item, "email", c.Email)
	putFlag(item, "notify", c.Notify)
	putFlag(item, "armed", c.Armed)
	putMoment(item, "last_order_at", c.LastOrderAt)
	putMoment(item, "erased_at", c.ErasedAt)
	if c.CreditLimit != nil {
		item["credit_limit"] = table.Int(int64(*c.CreditLimit))
	}
	return item
}

func customerOf(key table.Key, item table.Item) (model.Customer, error) {
	r := reader{item: item}
	c := model.Customer{
		ID:        idOf(key, prefixCustomer),
		Name:      r.optional("name"),
		Email:     r.optional("email"),
		Notify:    r.flag("notify"),
		Balance:   model.Money(r.number("balance")),
		Orders:    r.number("orders"),
		Spent:     model.Money(r.number("spent")),
		Armed:     r.flag("armed"),
		Crossings: r.number("crossings"),
		Version:   r.number("version"),
	}
	if r.has("last_order_at") {
		c.LastOrderAt = r.moment("last_order_at")
	}
	if r.has("erased_at") {
		c.ErasedAt = r.moment("erased_at")
	}
	if r.has("credit_limit") {
		limit := model.Money(r.number("credit_limit"))
		c.CreditLimit = &limit
	}
	return c, r.wrap(key)
}

func idOf(key table.Key, prefix string) string {
	if len(key.PK) < len(prefix) {
		return ""
	}
	return key.PK[len(prefix):]
}

// reader takes attributes out of an item and remembers the first that is not as it
// should be.
type reader struct {
	item table.Item
	err  error
}

func (r *reader) fail(name string) {
	r.note(fmt.Errorf("attribute %s is missing or of the wrong kind", name))
}

func (r *reader) note(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) wrap(key table.Key) error {
	if r.err != nil {
		return &unreadable{key, r.err}
	}
	return nil
}

// unreadable says that a stored item is not what its key promises.
type unreadable struct {
	key   table.Key
	cause error
}

func (e *unreadable) Error() string { return fmt.Sprintf("read %s: %v", e.key, e.cause) }
func (e *unreadable) Unwrap() error { return e.cause }

func isUnreadable(err error) bool {
	var e *unreadable
	return errors.As(err, &e)
}

func (r *reader) has(name string) bool { _, has := r.item[name]; return has }

func (r *reader) text(name string) string {
	s, ok := r.item[name].Str()
	if !ok {
		r.fail(name)
	}
	return s
}

func (r *reader) optional(name string) string {
	if !r.has(name) {
		return ""
	}
	return r.text(name)
}

func (r *reader) number(name string) int64 {
	n, ok := r.item[name].Int()
	if !ok {
		r.fail(name)
	}
	return n
}

func (r *reader) atLeast(name string, least int64) int64 {
	n := r.number(name)
	if n < least {
		r.note(fmt.Errorf("attribute %s is below %d", name, least))
	}
	return n
}

// own returns the item's own id, which its key has after the prefix.
func (r *reader) own(key table.Key, prefix string) string {
	id := idOf(key, prefix)
	if !model.ValidID(id) {
		r.note(errors.New("key has no id"))
	}
	return id
}

func (r *reader) id(name string) string {
	s := r.text(name)
	if !model.ValidID(s) {
		r.note(fmt.Errorf("attribute %s is no id", name))
	}
	return s
}

func (r *reader) day(name string) model.Day {
	d, err := model.ParseDay(r.text(name))
	if err != nil {
		r.note(fmt.Errorf("attribute %s is no day", name))
	}
	return d
}

func (r *reader) moment(name string) time.Time { return time.UnixMicro(r.number(name)).UTC() }

func (r *reader) flag(name string) bool {
	if !r.has(name) {
		return false
	}
	b, ok := r.item[name].Bool()
	if !ok {
		r.fail(name)
	}
	return b
}

func (r *reader) list(name string) []table.Value {
	list, ok := r.item[name].List()
	if !ok {
		r.fail(name)
	}
	return list
}

func (r *reader) inner(v table.Value) reader {
	m, ok := v.Map()
	if !ok {
		return reader{err: fmt.Errorf("an element of a list is of the wrong kind")}
	}
	return reader{item: m}
}

func (r *reader) options() []model.Option {
	if !r.has("options") {
		return nil
	}
	list := r.list("options")
	options := make([]model.Option, 0, len(list))
	for _, v := range list {
		o := r.inner(v)
		options = append(options, model.Option{ID: o.text("id"), Name: o.text("name"), Price: model.Money(o.number("price"))})
		r.note(o.err)
	}
	return options
}
