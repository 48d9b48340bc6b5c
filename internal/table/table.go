// Package table is the storage seam: a small interface between the café and its store.
// All code above it uses only this interface, and an engine implements it in a few
// hundred lines.
//
// The interface follows DynamoDB. An item has a partition key and a sort key. A write may
// have conditions. Several operations can be one transaction. So code that works on one
// engine works on the other.
//
// There are two engines: package pebble keeps the table in a folder, and package dynamo
// keeps it in DynamoDB. Package tabletest tests both against the contract given here.
// Every error says whether the write may have taken effect.
package table

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Key identifies one item. Neither part is empty or contains a NUL byte. PK has at most
// 2048 bytes and SK at most 1024, which are DynamoDB's limits.
type Key struct{ PK, SK string }

func (k Key) String() string { return k.PK + "/" + k.SK }

// The names of the attributes that hold keys and index keys. Items never contain AttrPK
// and AttrSK, whether they are written or read: their key is in Op or in Row.
const (
	AttrPK = "pk"
	AttrSK = "sk"

	// An item is in index 1 if it has AttrIndex1 and AttrSort, and in index 2 if it has
	// AttrIndex2 and AttrSort. AttrIndex1 or AttrIndex2 names the partition in the index,
	// and AttrSort is the sort key there. All three are strings.
	AttrIndex1 = "gsi1pk"
	AttrIndex2 = "gsi2pk"
	AttrSort   = "gsisk"
)

// Index selects the keys that a Query uses.
type Index uint8

// The keys of the table and of its two indexes.
const (
	Primary Index = iota // PK and SK; can be read consistently
	Index1               // AttrIndex1 and AttrSort; may lag behind a write for a moment
	Index2               // AttrIndex2 and AttrSort; may lag behind a write for a moment
)

// The limits of the table. They are DynamoDB's (Developer Guide, "Quotas in Amazon
// DynamoDB").
const (
	MaxOps       = 100       // operations in one Write
	MaxItemSize  = 400 << 10 // bytes of one item: names and values, keys included
	MaxWriteSize = 4 << 20   // bytes of all items of one Write

	// MaxDepth is how deep lists and maps may be nested in one attribute. DynamoDB allows
	// 32 levels but does not say how it counts them.
	MaxDepth = 30
)

// Table is the store as the café uses it. All methods are safe for concurrent use. A
// Table does not keep or change the items that it is given, and the caller may change the
// items that it returns.
//
// Any method may return an error that Is ErrThrottled or ErrUnavailable, or the context's
// error. After ErrUnavailable, or if the context has ended, a Write may have taken effect
// as a whole or not at all. Its conditions make it safe to send it again.
type Table interface {
	// Get returns the item, or ErrNotFound if it does not exist. If consistent is false,
	// the answer may miss the latest writes, and it costs half.
	Get(ctx context.Context, key Key, consistent bool) (Item, error)

	// Query returns rows of one partition in the order of their sort keys. An absent
	// partition is an empty page.
	Query(ctx context.Context, q Query) (Page, error)

	// Scan returns rows of the whole table in no useful order. It reads the whole table,
	// so it is for reconciliation and not for requests.
	Scan(ctx context.Context, s Scan) (Page, error)

	// Write carries out all operations or none. It takes 1 to MaxOps operations, each on a
	// different item. If it returns nil, the write is durable. A *ConditionError says that
	// a condition did not hold. ErrConflict says that another write to the same items was
	// in progress. After both, nothing was written, and after ErrConflict the caller may
	// try again.
	Write(ctx context.Context, ops ...Op) error
}

// Query asks for rows of one partition.
type Query struct {
	Index     Index
	Partition string

	// The rows are those with From ≤ sort key < To. An empty string means no bound. To
	// continue after a page, change the range (see Page.Next). Sort keys are unique in a
	// partition of the primary index; in the other indexes writers must keep them unique.
	From, To string

	Descending bool
	Limit      int  // the most rows to read; 0 leaves it to the engine
	Consistent bool // see all writes that were acknowledged; only for the primary index
}

// Scan asks for rows of the whole table.
type Scan struct {
	Prefix string // only items whose PK begins with it; the engine may filter after reading
	After  string // Page.Next of the previous page; empty for the first page
	Limit  int    // the most rows to read before the filter; 0 leaves it to the engine
}

// Row is an item with its key.
type Row struct {
	Key  Key
	Item Item
}

// Page is a part of the result of a Query or a Scan.
type Page struct {
	Rows []Row

	// Next is empty if there are no more pages. A page that is short or empty may still
	// have a Next. After a Query, Next is the sort key of the last row read: continue with
	// From = After(Next), or, if descending, with To = Next. After a Scan, Next is the
	// value for Scan.After.
	Next string
}

// After returns the smallest string above s, for Query.From.
func After(s string) string { return s + "\x00" }

// PrefixEnd returns a string above all ASCII strings that begin with the prefix, for
// Query.To. The café's sort keys are ASCII.
func PrefixEnd(prefix string) string {
	return prefix + "\x7f"
}

// OpKind is the kind of an Op.
type OpKind uint8

// The kinds of operations.
const (
	OpPut    OpKind = iota + 1 // replaces the whole item, or creates it
	OpUpdate                   // sets, adds to and removes attributes; creates an absent item
	OpDelete                   // removes the item; does nothing to an absent item
	OpCheck                    // changes nothing; only its conditions matter
)

// Op is one operation of a Write. Put, Update, Delete and Check make one.
type Op struct {
	Kind   OpKind
	Key    Key
	Item   Item             // OpPut: all attributes except the key
	Set    Item             // OpUpdate: attributes to set
	Add    map[string]int64 // OpUpdate: what to add to numbers; an absent number counts as 0
	Remove []string         // OpUpdate: attributes to remove
	If     []Condition      // all must hold, or the whole Write is refused
}

// Put returns an Op that replaces the item, or creates it.
func Put(key Key, item Item, conditions ...Condition) Op {
	return Op{Kind: OpPut, Key: key, Item: item, If: conditions}
}

// Update returns an Op that changes some attributes. The caller fills in Set, Add and
// Remove; no attribute may be in two of them. An update of an absent item creates it. An
// update that only removes needs the condition Present, since engines differ in what it
// creates.
func Update(key Key, conditions ...Condition) Op {
	return Op{Kind: OpUpdate, Key: key, If: conditions}
}

// Delete returns an Op that removes the item.
func Delete(key Key, conditions ...Condition) Op {
	return Op{Kind: OpDelete, Key: key, If: conditions}
}

// Check returns an Op that only makes the write depend on the item.
func Check(key Key, conditions ...Condition) Op {
	return Op{Kind: OpCheck, Key: key, If: conditions}
}

// ConditionKind is the kind of a Condition.
type ConditionKind uint8

// The kinds of conditions.
const (
	CondAbsent  ConditionKind = iota + 1 // the item does not exist
	CondPresent                          // the item exists
	CondEqual                            // the attribute exists and equals Value
	CondBelow                            // the attribute does not exist, or is a number below Value
	CondAtLeast                          // the attribute is a number of Value or more
	CondMissing                          // the attribute does not exist; the item need not exist
)

// Condition is a condition on the item as it is when the write happens.
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

// Holds reports whether the condition holds for the item. A nil item is an absent one.
// Engines that check conditions themselves use it.
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

// Apply returns the item after the operation. A nil item is an absent one. Apply does not
// change current, and no later Op changes it through the result. Adding to an attribute
// that is not a number is ErrInvalid, and so is a sum beyond 64 bits. An item that grows
// over MaxItemSize is ErrTooLarge.
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
					return nil, fmt.Errorf("%w: add to %s of %s, which is not a number", ErrInvalid, name, o.Key)
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

// The errors of a Table. A method's error Is one of these, a *ConditionError, or the context's
// error.
var (
	// ErrNotFound says that the item does not exist.
	ErrNotFound = errors.New("no such item")
	// ErrConflict says that another write to the same items was in progress. Nothing was
	// written, and the caller may try again.
	ErrConflict = errors.New("conflict with another write")
	// ErrThrottled says that the store receives too many calls. Nothing was written, and
	// the caller may try again later.
	ErrThrottled = errors.New("store is throttling")
	// ErrUnavailable says that the store could not be reached or did not answer. A write
	// may have taken effect, as a whole or not at all.
	ErrUnavailable = errors.New("store is unavailable")
	// ErrTooLarge says that an item or the whole write is over the limits. Nothing was
	// written.
	ErrTooLarge = errors.New("item is too large")
	// ErrInvalid says that no table can carry out the call. It has an empty key, two
	// operations on one item, an addition to a string, or the like. Nothing was written.
	ErrInvalid = errors.New("invalid operation")
)

// ConditionError says that conditions did not hold. Nothing was written.
type ConditionError struct {
	Failures []Failure // at least one, in the order of the operations
}

// Failure is an operation with a condition that did not hold.
type Failure struct {
	Op   int  // the index of the operation in the Write
	Item Item // the item at that time; nil if it did not exist
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

// Failed reports whether err is a *ConditionError that names operation op. It returns the
// item as it was then, or nil if it did not exist.
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

// Validate checks what every engine must refuse. Its error Is ErrInvalid or ErrTooLarge.
func Validate(ops []Op) error {
	switch {
	case len(ops) == 0:
		return fmt.Errorf("%w: a write without operations", ErrInvalid)
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

// validate checks the operation without its key.
func (o Op) validate() error {
	if o.Kind < OpPut || o.Kind > OpCheck {
		return fmt.Errorf("%w: unknown kind of operation", ErrInvalid)
	}
	for _, item := range []Item{o.Item, o.Set} {
		for name, v := range item {
			if err := validateName(name); err != nil {
				return err
			}
			if !v.valid(MaxDepth) {
				return fmt.Errorf("%w: attribute %s has no kind, or is nested too deep", ErrInvalid, name)
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

// indexKeySize returns the most bytes that the index key of that name may have. It
// returns 0 if the attribute is not an index key.
func indexKeySize(name string) int {
	switch name {
	case AttrIndex1, AttrIndex2:
		return maxPK
	case AttrSort:
		return maxSK
	}
	return 0
}

// DynamoDB's limits on keys. They hold for index keys too.
const maxPK, maxSK = 2048, 1024

func (k Key) validate() error {
	if k.PK == "" || k.SK == "" || len(k.PK) > maxPK || len(k.SK) > maxSK ||
		strings.IndexByte(k.PK, 0) >= 0 || strings.IndexByte(k.SK, 0) >= 0 {
		return fmt.Errorf("%w: key %q", ErrInvalid, k.String())
	}
	return nil
}

func (k Key) size() int { return len(AttrPK) + len(k.PK) + len(AttrSK) + len(k.SK) }
