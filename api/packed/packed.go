// Package packed reads the documents that package api serves: compressed, and naming the
// address of the café. Command docspage makes them.
package packed

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"sync"
)

// Document is a text that names the address of the café. It is a gzip file of several
// members (RFC 1952, section 2.2), and the address belongs between each two of them.
type Document struct {
	Packed func() []byte // the file; it is asked more than once, and always the same
	once   sync.Once
	parts  []part
}

type part struct {
	plain    []byte
	deflated []byte // ends at a whole byte, and not with the last block
}

// The ends of a gzip file: a header without a name or a time, and an empty last block
// (RFC 1951, section 3.2.4). Each member that command docspage makes has both.
const (
	gzipHeader = 10
	lastBlock  = "\x01\x00\x00\xff\xff"
	gzipFooter = 8
)

// split returns the parts of the document.
func (d *Document) split() []part {
	d.once.Do(func() {
		file := d.Packed()
		for in := bytes.NewReader(file); in.Len() > 0; {
			start := len(file) - in.Len()
			r, err := gzip.NewReader(in)
			if err != nil {
				panic(fmt.Sprintf("packed document: %v", err))
			}
			r.Multistream(false)
			plain, err := io.ReadAll(r)
			if err != nil {
				panic(fmt.Sprintf("packed document: %v", err))
			}
			end := len(file) - in.Len()
			d.parts = append(d.parts, part{plain, file[start+gzipHeader : end-gzipFooter-len(lastBlock)]})
		}
	})
	return d.parts
}

// Plain returns the document with the address.
func (d *Document) Plain(address string) []byte {
	var b []byte
	for i, p := range d.split() {
		if i > 0 {
			b = append(b, address...)
		}
		b = append(b, p.plain...)
	}
	return b
}

// Gzipped returns the document with the address as one gzip member. It compresses nothing:
// the address is a stored block between the parts, which are compressed already. Browsers
// read only the first of several members.
func (d *Document) Gzipped(address string) []byte {
	stored := binary.LittleEndian.AppendUint16([]byte{0}, uint16(len(address)))
	stored = binary.LittleEndian.AppendUint16(stored, ^uint16(len(address)))
	stored = append(stored, address...)
	b := bytes.Clone(d.Packed()[:gzipHeader])
	sum, size := uint32(0), 0
	for i, p := range d.split() {
		if i > 0 {
			b = append(b, stored...)
			sum = crc32.Update(sum, crc32.IEEETable, []byte(address))
			size += len(address)
		}
		b = append(b, p.deflated...)
		sum = crc32.Update(sum, crc32.IEEETable, p.plain)
		size += len(p.plain)
	}
	b = append(b, lastBlock...)
	b = binary.LittleEndian.AppendUint32(b, sum)
	return binary.LittleEndian.AppendUint32(b, uint32(size))
}
