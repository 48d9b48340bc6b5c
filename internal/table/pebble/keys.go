package pebble

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"cafe/internal/table"
)

// Where things are. The first byte of a key says what it is of; keys and index keys
// hold no NUL, so NUL ends each part and the parts sort one by one.
//
//	i PK 0 SK                          an item
//	1 partition 0 sort 0 PK 0 SK       an entry of index 1, without a value
//	2 partition 0 sort 0 PK 0 SK       an entry of index 2
//	c number (8 bytes, big-endian)     a change
//	m name                             a fact about the store itself
//
// An index entry leads to the item and does not repeat it: a page of 25 costs 25
// look-ups, and an order is written once instead of three times.
const (
	spaceItem   = 'i'
	spaceIndex1 = '1'
	spaceIndex2 = '2'
	spaceChange = 'c'
	spaceMeta   = 'm'
)

const (
	metaFormat     = "mformat"  // version of all that this package writes
	metaTrimmed    = "mtrimmed" // number of the last change that was trimmed
	metaCheckpoint = "mcheckpoint/"
)

func appendItemKey(b []byte, k table.Key) []byte {
	b = append(b, spaceItem)
	b = append(b, k.PK...)
	b = append(b, 0)
	return append(b, k.SK...)
}

// parseItemKey reads what appendItemKey wrote.
func parseItemKey(b []byte) (table.Key, error) {
	if len(b) > 0 && b[0] == spaceItem {
		if pk, sk, ok := strings.Cut(string(b[1:]), "\x00"); ok {
			return table.Key{PK: pk, SK: sk}, nil
		}
	}
	return table.Key{}, fmt.Errorf("%w: key %q", errCorrupt, b)
}

// indexes are the secondary indexes: where their entries are, and which attribute
// names the partition.
var indexes = []struct {
	space byte
	attr  string
}{{spaceIndex1, table.AttrIndex1}, {spaceIndex2, table.AttrIndex2}}

// appendIndexKey appends the key of the item's entry in an index, and tells whether
// it has one.
func appendIndexKey(b []byte, space byte, attr string, k table.Key, item table.Item) ([]byte, bool) {
	partition, sort := item.Str(attr), item.Str(table.AttrSort)
	if partition == "" || sort == "" {
		return b, false
	}
	b = append(b, space)
	b = append(b, partition...)
	b = append(b, 0)
	b = append(b, sort...)
	b = append(b, 0)
	b = append(b, k.PK...)
	b = append(b, 0)
	return append(b, k.SK...), true
}

// parseIndexKey returns the sort key of an index entry and the key of its item.
func parseIndexKey(b []byte) (sort string, k table.Key, err error) {
	parts := strings.Split(string(b), "\x00")
	if len(parts) != 4 {
		return "", k, fmt.Errorf("%w: index entry %q", errCorrupt, b)
	}
	return parts[1], table.Key{PK: parts[2], SK: parts[3]}, nil
}

func appendChangeKey(b []byte, seq uint64) []byte {
	return binary.BigEndian.AppendUint64(append(b, spaceChange), seq)
}

// bounds returns the keys between which a query's rows are.
func bounds(q table.Query) (lower, upper []byte) {
	space := byte(spaceItem)
	if q.Index != table.Primary {
		space = indexes[q.Index-table.Index1].space
	}
	start := append([]byte{space}, q.Partition...)
	lower = appendBound(append(start, 0), q.From)
	if q.To == "" {
		return lower, append(start[:len(start):len(start)], 1)
	}
	return lower, appendBound(append(start[:len(start):len(start)], 0), q.To)
}

// appendBound appends the limit of a range of sort keys. A limit may hold NUL
// (table.After does); sort keys do not, and in an index one ends with NUL: the
// least of them above "a" and NUL is the least above "a" and the NUL that ends it.
func appendBound(b []byte, limit string) []byte {
	before, _, cut := strings.Cut(limit, "\x00")
	b = append(b, before...)
	if cut {
		b = append(b, 1)
	}
	return b
}

// prefixEnd returns the least key above all that begin with b, whose first byte is a
// space and so can be counted up.
func prefixEnd(b []byte) []byte {
	end := bytes.TrimRight(b, "\xff")
	end = bytes.Clone(end)
	end[len(end)-1]++
	return end
}
