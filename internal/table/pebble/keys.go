package pebble

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"cafe/internal/table"
)

// The layout of keys. The first byte of a key says what kind it is. Keys and index keys
// contain no NUL, so NUL ends each part, and keys sort by their first part, then by the
// next.
//
//	i PK 0 SK                          an item
//	1 partition 0 sort 0 PK 0 SK       an entry of index 1, without a value
//	2 partition 0 sort 0 PK 0 SK       an entry of index 2
//	c number (8 bytes, big-endian)     a change
//	m name                             a fact about the store itself
//
// An index entry has the key of its item and not the item itself. So a page of 25 rows
// costs 25 look-ups, and an order is written once and not three times.
const (
	kindItem   = 'i'
	kindIndex1 = '1'
	kindIndex2 = '2'
	kindChange = 'c'
	kindMeta   = 'm'
)

const (
	metaFormat     = "mformat"      // the version of the format on disk
	metaTrimmed    = "mtrimmed"     // the number of the last change that was trimmed
	metaCheckpoint = "mcheckpoint/" // followed by the name of a consumer
)

func appendItemKey(b []byte, k table.Key) []byte {
	b = append(b, kindItem)
	b = append(b, k.PK...)
	b = append(b, 0)
	return append(b, k.SK...)
}

// parseItemKey reads what appendItemKey wrote.
func parseItemKey(b []byte) (table.Key, error) {
	if len(b) > 0 && b[0] == kindItem {
		if pk, sk, ok := strings.Cut(string(b[1:]), "\x00"); ok {
			return table.Key{PK: pk, SK: sk}, nil
		}
	}
	return table.Key{}, fmt.Errorf("%w: key %q", errCorrupt, b)
}

// indexes are the secondary indexes: the kind of their keys, and the attribute that names
// the partition.
var indexes = []struct {
	kind byte
	attr string
}{{kindIndex1, table.AttrIndex1}, {kindIndex2, table.AttrIndex2}}

// appendIndexKey appends the key of the item's entry in an index. It reports whether the
// item has one.
func appendIndexKey(b []byte, kind byte, attr string, k table.Key, item table.Item) ([]byte, bool) {
	partition, sort := item.Str(attr), item.Str(table.AttrSort)
	if partition == "" || sort == "" {
		return b, false
	}
	b = append(b, kind)
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
	return binary.BigEndian.AppendUint64(append(b, kindChange), seq)
}

// bounds returns the range of keys of a query's rows.
func bounds(q table.Query) (lower, upper []byte) {
	kind := byte(kindItem)
	if q.Index != table.Primary {
		kind = indexes[q.Index-table.Index1].kind
	}
	start := append([]byte{kind}, q.Partition...)
	lower = appendBound(append(start, 0), q.From)
	if q.To == "" {
		return lower, append(start[:len(start):len(start)], 1)
	}
	return lower, appendBound(append(start[:len(start):len(start)], 0), q.To)
}

// appendBound appends the limit of a range of sort keys. A limit may contain NUL, as
// those of table.After do. Sort keys do not contain it, but in an index NUL ends a sort
// key. So a limit of "a" and NUL must be above the key that is "a" followed by its ending
// NUL: the NUL becomes a byte 1.
func appendBound(b []byte, limit string) []byte {
	before, _, cut := strings.Cut(limit, "\x00")
	b = append(b, before...)
	if cut {
		b = append(b, 1)
	}
	return b
}

// prefixEnd returns the smallest key above all keys that begin with b. The first byte of b
// is the kind of a key and so never 0xff.
func prefixEnd(b []byte) []byte {
	end := bytes.TrimRight(b, "\xff")
	end = bytes.Clone(end)
	end[len(end)-1]++
	return end
}
