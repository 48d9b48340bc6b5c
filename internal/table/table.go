// Package table is the storage seam: one small interface that every access
// pattern of the café is written against, and that an engine implements in a few
// hundred lines. It is shaped after DynamoDB (an item has a partition key and a
// sort key; single writes are conditional; several writes are one transaction),
// so that nothing written above it can work on one engine and not on another.
//
// Package tabletest holds the contract as tests. Engines: pebble (embedded) and
// dynamo (DynamoDB). Errors are typed, and each says whether the write may have
// taken effect.
package table

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Key names one item. Both parts are non-empty and hold no NUL byte; PK takes at
// most 2048 bytes and SK at most 1024 (DynamoDB's own limits).
type Key struct{ PK, SK string }

func (k Key) String() string { return k.PK + "/" + k.SK }

// Names of the attributes that every engine keeps keys and index keys in. Items
// given to Put do not carry PK and SK; items read do not either (Row has the key).
const (
	AttrPK = "pk"
	AttrSK = "sk"

	// An item that has AttrIndex1 (or AttrIndex2) and AttrSort, all strings, is in
	// that index, in the partition that the attribute names, at the place that
	// AttrSort gives it. Without them it is not: the indexes are sparse.
	AttrIndex1 = "gsi1pk"
	AttrIndex2 = "gsi2pk"
	AttrSort   = "gsisk"
)

// Index says which keys a Query goes by.
type Index uint8

const (
	Primary Index = iota // PK and SK; can be read consistently
	Index1               // AttrIndex1 and AttrSort; follows a write within moments
	Index2               // AttrIndex2 and AttrSort; likewise
)

// Limits, after DynamoDB's (Service, account, and table quotas).
const (
	MaxOps       = 100       // operations in one Write
	MaxItemSize  = 400 << 10 // bytes of one item, names and values, keys included
	MaxWriteSize = 4 << 20   // bytes of all items of one Write
	MaxDepth     = 30        // lists and maps within each other in one attribute; two spare, since DynamoDB does not say how it counts its 32
)

// Table is what the café asks of its store. All methods are safe for concurrent
// use. Items passed in are not kept or changed; items returned are the caller's.
//
// Any method may return an error that Is ErrThrottled or ErrUnavailable, or the
// context's error. After ErrUnavailable, or a context that ended, a Write may or
// may not have taken effect, whole: conditions make it safe to send again.
type Table interface {
	// Get returns the item, or ErrNotFound. Unless consistent, the answer may be a
	// moment old, and costs half.
	Get(ctx context.Context, key Key, consistent bool) (Item, error)

	// Query returns the rows of one partition in the order of the sort key.
	Query(ctx context.Context, q Query) (Page, error)

	// Scan returns rows of the whole table, in no order that means anything. It
	// costs what the table weighs: for reconciliation, not for serving.
	Scan(ctx context.Context, s Scan) (Page, error)

	// Write carries out all operations or none, 1 to MaxOps of them, each on
	// another item. When it returns nil the write is durable. A refused condition is
	// a *ConditionError, and ErrConflict means that another write to the same items
	// was under way: nothing was written, and trying again is safe.
	Write(ctx context.Context, ops ...Op) error
}

// Query asks for a range of one partition.
type Query struct {
	Index     Index
	Partition string

	// From ≤ sort key < To. Empty strings leave that side open. Continuing where a
	// page ended is a matter of the range: sort keys are unique in a partition of
	// the primary index, and writers see to it that they are in the others too.
	From, To string

	Descending bool
	Limit      int  // rows to read at most; 0 for as many as the engine reads at once
	Consistent bool // primary index only
}

// Scan asks for rows of the whole table.
type Scan struct {
	Prefix string // of PK; filtered after reading
	After  string // Page.Next of the page before, or empty
	Limit  int    // rows to read at most, before the filter; 0 for as many as the engine reads at once
}

// Row is an item with its key.
type Row struct {
	Key  Key
	Item Item
}

// Page is part of an answer.
type Page struct {
	Rows []Row
	// Next is empty when there is no more. A page may be short, even empty, and have
	// a Next. For a Query it is the sort key of the last row read: go on with From
	// just after it (After) or, descending, with To equal to it. For a Scan it is an
	// opaque string for Scan.After.
	Next string
}

// After returns the least sort key above s.
func After(s string) string { return s + "\x00" }

// PrefixEnd returns the least string above all strings that begin with the prefix,
// for Query.To. Sort keys are ASCII here.
func PrefixEnd(prefix string) string {
	return prefix + "\x7f"
}

// OpKind says what an Op does.
type OpKind uint8

const (
	OpPut    OpKind = iota + 1 // replaces the item whole, or creates it
	OpUpdate                   // sets, adds to and removes attributes; creates the item if it is not there
	OpDelete                   // removes the item; nothing happens if it is not there
	OpCheck                    // changes nothing; only the conditions count
)

// Op is one operation of a Write. Make it with Put, Update, Delete or Check.
type Op struct {
	Kind   OpKind
	Key    Key
	Item   Item             // OpPut: all attributes but the key
	Set    Item             // OpUpdate
	Add    map[string]int64 // OpUpdate: to numbers; an absent attribute counts as 0
	Remove []string         // OpUpdate
	If     []Condition      // all must hold
}

// Put replaces the item, or creates it.
func Put(key Key, item Item, conditions ...Condition) Op {
	return Op{Kind: OpPut, Key: key, Item: item, If: conditions}
}

// Update changes some attributes: fill in Set, Add and Remove. No attribute may be
// in two of them. An update of an absent item creates it; one that only removes
// needs a condition that the item is there, since engines differ on what it creates.
func Update(key Key, conditions ...Condition) Op {
	return Op{Kind: OpUpdate, Key: key, If: conditions}
}

// Delete removes the item.
func Delete(key Key, conditions ...Condition) Op {
	return Op{Kind: OpDelete, Key: key, If: conditions}
}

// Check makes the write depend on an item that it does not change.
func Check(key Key, conditions ...Condition) Op {
	return Op{Kind: OpCheck, Key: key, If: conditions}
}

// ConditionKind says what a Condition asks.
type ConditionKind uint8

const (
	CondAbsent  ConditionKind = iota + 1 // the item does not exist
	CondPresent                          // the item exists
	CondEqual                            // the attribute exists and equals Value, of whatever kind
	CondBelow                            // the attribute does not exist, or is a number below Value
	CondAtLeast                          // the attribute is a number not below Value
	CondMissing                          // the attribute does not exist (nor need the item)
)

// Condition must hold for the item as it stands when the write happens.
type Condition struct {
	Kind  ConditionKind
	Attr  string
	Value Value
}

// Absent holds when the item does not exist.
func Absent() Condition { return Condition{Kind: CondAbsent} }

// Present holds when the item exists.
func Present() Condition { return Condition{Kind: CondPresent} }

// Equal holds when the attribute exists and equals v. Lists and maps are compared whole.
func Equal(attr string, v Value) Condition { return Condition{CondEqual, attr, v} }

// Below holds when the attribute does not exist or is a number below n.
func Below(attr string, n int64) Condition { return Condition{CondBelow, attr, Int(n)} }

// AtLeast holds when the attribute is a number of n or more.
func AtLeast(attr string, n int64) Condition { return Condition{CondAtLeast, attr, Int(n)} }

// Missing holds when the item has no such attribute, or does not exist.
func Missing(attr string) Condition { return Condition{Kind: CondMissing, Attr: attr} }

// Holds tells whether the condition holds for the item; nil is an absent item.
// Engines that evaluate conditions themselves use it.
func (c Condition) Holds(item Item) bool {
	v, has := item[c.Attr]
	n, isInt := v.Int()
	limit, _ := c.Value.Int()
	switch c.Kind {
	case CondAbsent:
		return item == nil
	case CondPresent:
		return item != nil
	case CondEqual:
		return has && v.Equal(c.Value)
	case CondBelow:
		return !has || isInt && n < limit
	case CondAtLeast:
		return isInt && n >= limit
	case CondMissing:
		return !has
	}
	return false
}

// Apply returns the item after the operation; nil is an absent item. The result
// shares nothing with current that an Op can change. Adding to an attribute that is
// no number, or beyond 64 bits, is an error that Is ErrInvalid; growing the item
// over MaxItemSize is one that Is ErrTooLarge.
func (o Op) Apply(current Item) (Item, error) {
	switch o.Kind {
	case OpPut:
		if o.Item == nil {
			return Item{}, nil
		}
		return o.Item, nil
	case OpDelete:
		return nil, nil
	case OpUpdate:
		next := make(Item, len(current)+len(o.Set)+len(o.Add))
		for name, v := range current {
			next[name] = v
		}
		for name, v := range o.Set {
			next[name] = v
		}
		for name, n := range o.Add {
			old := int64(0)
			if v, has := next[name]; has {
				var ok bool
				if old, ok = v.Int(); !ok {
					return nil, fmt.Errorf("%w: add to %s of %s, which is no number", ErrInvalid, name, o.Key)
				}
			}
			sum := old + n
			if (sum > old) != (n > 0) && n != 0 {
				return nil, fmt.Errorf("%w: add to %s of %s goes beyond 64 bits", ErrInvalid, name, o.Key)
			}
			next[name] = Int(sum)
		}
		for _, name := range o.Remove {
			delete(next, name)
		}
		if o.Key.size()+next.Size() > MaxItemSize {
			return nil, fmt.Errorf("%w: %s", ErrTooLarge, o.Key)
		}
		return next, nil
	}
	return current, nil
}

var (
	// ErrNotFound says that the item does not exist.
	ErrNotFound = errors.New("no such item")
	// ErrConflict says that another write to the same items was under way; nothing
	// was written.
	ErrConflict = errors.New("conflict with another write")
	// ErrThrottled says that the store asks for a slower pace; nothing was written.
	ErrThrottled = errors.New("store is throttling")
	// ErrUnavailable says that the store could not be asked or did not answer; a
	// write may or may not have taken effect.
	ErrUnavailable = errors.New("store is unavailable")
	// ErrTooLarge says that an item, or the write as a whole, is over the limits;
	// nothing was written.
	ErrTooLarge = errors.New("item is too large")
	// ErrInvalid says that the call makes no sense to a table (an empty key, two
	// operations on one item, adding to a string); nothing was written.
	ErrInvalid = errors.New("invalid operation")
)

// ConditionError says that conditions did not hold. Nothing was written.
type ConditionError struct {
	Failures []Failure // at least one, in the order of the operations
}

// Failure is one operation whose condition did not hold.
type Failure struct {
	Op   int  // index in the Write
	Item Item // as it stood; nil if it did not exist
}

func (e *ConditionError) Error() string {
	var b strings.Builder
	b.WriteString("condition failed on operation")
	for i, f := range e.Failures {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %d", f.Op)
	}
	return b.String()
}

// Failed returns the item as it stood when operation op was refused (nil if it did
// not exist), and whether err is a *ConditionError that names op at all.
func Failed(err error, op int) (Item, bool) {
	var refused *ConditionError
	if errors.As(err, &refused) {
		for _, f := range refused.Failures {
			if f.Op == op {
				return f.Item, true
			}
		}
	}
	return nil, false
}

// Validate refuses what no engine accepts, with an error that Is ErrInvalid or
// ErrTooLarge.
func Validate(ops []Op) error {
	switch {
	case len(ops) == 0:
		return fmt.Errorf("%w: a write of nothing", ErrInvalid)
	case len(ops) > MaxOps:
		return fmt.Errorf("%w: %d operations in one write", ErrTooLarge, len(ops))
	}
	size := 0
	for i, o := range ops {
		if err := o.Key.validate(); err != nil {
			return err
		}
		for _, earlier := range ops[:i] {
			if earlier.Key == o.Key {
				return fmt.Errorf("%w: two operations on %s", ErrInvalid, o.Key)
			}
		}
		if err := o.validate(); err != nil {
			return fmt.Errorf("%w: %s", err, o.Key)
		}
		own := o.Key.size() + o.Item.Size() + o.Set.Size()
		if own > MaxItemSize {
			return fmt.Errorf("%w: %s", ErrTooLarge, o.Key)
		}
		size += own
	}
	if size > MaxWriteSize {
		return fmt.Errorf("%w: %d bytes in one write", ErrTooLarge, size)
	}
	return nil
}

// validate looks at what the operation does, its key aside.
func (o Op) validate() error {
	if o.Kind < OpPut || o.Kind > OpCheck {
		return fmt.Errorf("%w: no kind of operation", ErrInvalid)
	}
	for _, item := range []Item{o.Item, o.Set} {
		for name, v := range item {
			if err := validateName(name); err != nil {
				return err
			}
			if !v.valid(MaxDepth) {
				return fmt.Errorf("%w: attribute %s has no kind, or is too deep", ErrInvalid, name)
			}
			if limit := indexKeySize(name); limit > 0 {
				if s, ok := v.Str(); !ok || s == "" || len(s) > limit || strings.IndexByte(s, 0) >= 0 {
					return fmt.Errorf("%w: index key %s is not a string of 1 to %d bytes without NUL", ErrInvalid, name, limit)
				}
			}
		}
	}
	for name := range o.Add {
		if err := validateName(name); err != nil {
			return err
		}
		if _, set := o.Set[name]; set || indexKeySize(name) > 0 {
			return fmt.Errorf("%w: cannot add to %s", ErrInvalid, name)
		}
	}
	for i, name := range o.Remove {
		if err := validateName(name); err != nil {
			return err
		}
		_, set := o.Set[name]
		_, added := o.Add[name]
		if set || added || slices.Contains(o.Remove[:i], name) {
			return fmt.Errorf("%w: attribute %s is changed twice", ErrInvalid, name)
		}
	}
	return nil
}

func validateName(name string) error {
	if name == "" || name == AttrPK || name == AttrSK {
		return fmt.Errorf("%w: attribute name %q", ErrInvalid, name)
	}
	return nil
}

// indexKeySize returns how many bytes an index key of that name may have; 0 if it
// is an attribute like any other.
func indexKeySize(name string) int {
	switch name {
	case AttrIndex1, AttrIndex2:
		return maxPK
	case AttrSort:
		return maxSK
	}
	return 0
}

// DynamoDB's limits on keys, for those of the indexes too.
const maxPK, maxSK = 2048, 1024

func (k Key) validate() error {
	if k.PK == "" || k.SK == "" || len(k.PK) > maxPK || len(k.SK) > maxSK ||
		strings.IndexByte(k.PK, 0) >= 0 || strings.IndexByte(k.SK, 0) >= 0 {
		return fmt.Errorf("%w: key %q", ErrInvalid, k.String())
	}
	return nil
}

func (k Key) size() int { return len(AttrPK) + len(k.PK) + len(AttrSK) + len(k.SK) }
