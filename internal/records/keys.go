// Package records is the layout of the café's one table: the key of every item, and how
// orders, payments, customers, the menu, stock and ledger entries are stored. Every room
// of the house reads and writes through it. What only one room stores (imports, reports,
// the outbox) that room encodes, by the Reader of this package.
//
// It also has the two loops that every access to the table needs: rows page by page
// (Query, Scan), and the one retry (Retry, Write, Patiently).
package records

import (
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
//	listed    CU                <customer>: that there is such a customer
//	menu      M                 <sku>; "#pricing" for the current pricing document
//	pricing   T#<version>       T        every version, for good
//	stock     S#<sku>           S
//	ledger    L#<day>#<shard>   O#<id>, P#<id>; S#<sku> when it ran out that day, W#<id> for waste
//	day       D                 <day>, index 2: D while a closed day has late changes that no
//	                            close has carried; "audit" for what the last reconcile left undone
//	baskets   B                 <day>: what was bought together
//	report    R#<day>           <revision>
//	outbox    A#<id>            A        index 2: A while pending
//	          C#<customer>      N        the customer's own subscription to alerts
//	import    I#<id>            I        index 2: I
//	dead      X#<id>            X        a dead letter; index 2: X, or XA when it is set aside.
//	                                     A dead outbox item is in the same index, under its own key
//	webhook   W                 <id>     an endpoint; "#" counts them
//	          H#<id>            L        how far its deliveries are
//	          H#<id>            D#<time> its attempts
//	bus       H#bus             B#<name> how far the events are on a bus of EventBridge
//	begun     B                 B        that the café has begun, and when
//	numbers   N                 <day>: the last number that any process took for its orders
//	events    E                 <page>; "head" for the number of the last page
//	close     K                 <day>; "head" for the number, day and hash of the last close
//
// Index rows of orders and payments are sorted by business day, time and id.
const (
	PrefixOrder    = "O#"
	PrefixPayment  = "P#"
	PrefixCustomer = "C#"
	PrefixStock    = "S#"
	PrefixWaste    = "W#"
	PrefixLedger   = "L#"
	PrefixOutbox   = "A#"
	PrefixImport   = "I#"
	PrefixReport   = "R#"
	PrefixPricing  = "T#"
	PrefixDead     = "X#"
	PrefixHook     = "H#"

	PartitionMenu    = "M"
	PartitionDays    = "D"
	PartitionBaskets = "B"
	PartitionPending = "A"
	PartitionImports = "I"
	PartitionEvents  = "E"
	PartitionCloses  = "K"

	PartitionCustomers = "CU"
	PartitionNumbers   = "N"
	PartitionDead      = "X"
	PartitionAside     = "XA"
	PartitionHooks     = "W"
)

// BegunKey is the key of the record that the café has begun: its first start was finished.
var BegunKey = table.Key{PK: "B", SK: "B"}

// OrderKey returns the key of an order.
func OrderKey(id string) table.Key { return table.Key{PK: PrefixOrder + id, SK: "O"} }

// PaymentKey returns the key of a payment.
func PaymentKey(id string) table.Key { return table.Key{PK: PrefixPayment + id, SK: "P"} }

// CustomerKey returns the key of a customer.
func CustomerKey(id string) table.Key { return table.Key{PK: PrefixCustomer + id, SK: "C"} }

// ListedKey returns the key of a customer's place in the list of customers.
func ListedKey(id string) table.Key { return table.Key{PK: PartitionCustomers, SK: id} }

// MenuKey returns the key of an item of the menu.
func MenuKey(sku string) table.Key { return table.Key{PK: PartitionMenu, SK: sku} }

// PricingKey is the key of the current pricing document. No SKU has a #.
var PricingKey = table.Key{PK: PartitionMenu, SK: "#pricing"}

// PricingVersionKey returns the key of a version of the pricing document, 1 or above.
func PricingVersionKey(version int64) table.Key {
	return table.Key{PK: PrefixPricing + strconv.FormatInt(version, 10), SK: "T"}
}

// StockKey returns the key of a counted item's stock.
func StockKey(sku string) table.Key { return table.Key{PK: PrefixStock + sku, SK: "S"} }

// DayKey returns the key of a business day's record.
func DayKey(day model.Day) table.Key { return table.Key{PK: PartitionDays, SK: string(day)} }

// BasketsKey returns the key of what was bought together on a business day.
func BasketsKey(day model.Day) table.Key {
	return table.Key{PK: PartitionBaskets, SK: string(day)}
}

// AuditKey is the key of what the last reconcile left undone. It sorts after all days.
var AuditKey = table.Key{PK: PartitionDays, SK: "audit"}

// NumberKey returns the key of the last number of a business day's orders.
func NumberKey(day model.Day) table.Key { return table.Key{PK: PartitionNumbers, SK: string(day)} }

// EventHeadKey is the key of the number of the event log's last page. It sorts after all pages,
// so that a query of pages may end with it.
var EventHeadKey = table.Key{PK: PartitionEvents, SK: "head"}

// EventPageKey returns the key of a page of the event log, 1 or above.
func EventPageKey(page int64) table.Key {
	return table.Key{PK: PartitionEvents, SK: fmt.Sprintf("%015d", page)}
}

// CloseKey returns the key of the record that a business day is closed.
func CloseKey(day model.Day) table.Key { return table.Key{PK: PartitionCloses, SK: string(day)} }

// CloseHeadKey is the key of the number, day and hash of the last close. It sorts after all
// days.
var CloseHeadKey = table.Key{PK: PartitionCloses, SK: "head"}

// SubscriptionKey returns the key of a customer's own subscription to alerts.
func SubscriptionKey(customerID string) table.Key {
	return table.Key{PK: PrefixCustomer + customerID, SK: "N"}
}

// OutboxKey returns the key of an outbox item.
func OutboxKey(id string) table.Key { return table.Key{PK: PrefixOutbox + id, SK: "A"} }

// ImportKey returns the key of an import.
func ImportKey(id string) table.Key { return table.Key{PK: PrefixImport + id, SK: "I"} }

// DeadKey returns the key of a dead letter.
func DeadKey(id string) table.Key { return table.Key{PK: PrefixDead + id, SK: "X"} }

// HookKey returns the key of an endpoint of webhooks.
func HookKey(id string) table.Key { return table.Key{PK: PartitionHooks, SK: id} }

// LaneKey returns the key of how far an endpoint's deliveries are.
func LaneKey(id string) table.Key { return table.Key{PK: PrefixHook + id, SK: "L"} }

// BusKey returns the key of how far the events are on a bus of EventBridge, which is named by
// its name or its ARN. No endpoint has that id.
func BusKey(bus string) table.Key { return table.Key{PK: PrefixHook + "bus", SK: "B#" + bus} }

// RevisionKey returns the key of a revision of a day's report, 1 or above.
func RevisionKey(day model.Day, revision int) table.Key {
	return table.Key{PK: PrefixReport + string(day), SK: fmt.Sprintf("%06d", revision)}
}

// SoldOutKey returns the key of the mark that an item ran out that day. All marks of a day
// are in its first partition.
func SoldOutKey(day model.Day, sku string) table.Key {
	return table.Key{PK: LedgerPartition(day, 0), SK: PrefixStock + sku}
}

// LedgerPartition returns a partition of a day's ledger.
func LedgerPartition(day model.Day, shard int64) string {
	return PrefixLedger + string(day) + "#" + strconv.FormatInt(shard, 10)
}

// ShardPartition returns a partition of the day index: PrefixOrder or PrefixPayment, and
// the shard.
func ShardPartition(prefix string, shard int64) string {
	return prefix + strconv.FormatInt(shard, 10)
}

// IDIn returns the id in a key: what follows the prefix in its partition.
func IDIn(key table.Key, prefix string) string {
	if len(key.PK) < len(prefix) {
		return ""
	}
	return key.PK[len(prefix):]
}

// DaySort returns the place of an order or payment in an index: by business day, then
// time, then id. With an empty id it comes before all of that time. The microseconds since
// 1970 have 16 digits until the year 2286.
func DaySort(day model.Day, at time.Time, id string) string {
	return string(day) + "#" + fmt.Sprintf("%016d", at.UnixMicro()) + "#" + id
}

// TimeSort returns the place of an outbox item or import in an index: by time, then id.
// With an empty id it comes before all of that time.
func TimeSort(at time.Time, id string) string {
	return fmt.Sprintf("%016d#%s", max(0, at.UnixMicro()), id)
}
