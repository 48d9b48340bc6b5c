package sheet

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
)

// FileError says why a file is no good as a whole, in one sentence for the person who
// uploaded it. Nothing of such a file was taken, and trying again is of no use.
type FileError struct{ Reason string }

func (e *FileError) Error() string { return e.Reason }

// Unpack returns the text of an upload, which may be gzipped whatever its name says.
// Its reader gives a FileError when the packing is damaged or more than max bytes
// come out of it, and the source's own errors as they are.
func Unpack(src io.Reader, max int64) (io.Reader, error) {
	noted := &notingReader{src: src}
	in := bufio.NewReader(noted)
	magic, err := in.Peek(2)
	if err != nil && err != io.EOF {
		return nil, err
	}
	if !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return &limitedReader{src: in, left: max, max: max}, nil
	}
	plain, err := gzip.NewReader(in)
	if err != nil {
		return nil, damaged(err, noted)
	}
	return &limitedReader{src: &gunzipper{plain, noted}, left: max, max: max}, nil
}

// notingReader remembers that the source failed, to tell this from what gzip makes of
// it.
type notingReader struct {
	src io.Reader
	err error
}

func (r *notingReader) Read(p []byte) (int, error) {
	n, err := r.src.Read(p)
	if err != nil && err != io.EOF {
		r.err = err
	}
	return n, err
}

type gunzipper struct {
	plain *gzip.Reader
	noted *notingReader
}

func (r *gunzipper) Read(p []byte) (int, error) {
	n, err := r.plain.Read(p)
	if err != nil && err != io.EOF {
		err = damaged(err, r.noted)
	}
	return n, err
}

func damaged(err error, noted *notingReader) error {
	switch {
	case noted.err != nil:
		return noted.err
	case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF:
		return &FileError{"The compressed file ends too early; upload it again."}
	}
	return &FileError{"The compressed file is damaged; pack and upload it again."}
}

// limitedReader fails, unlike io.LimitedReader, when there is more than the limit.
type limitedReader struct {
	src       io.Reader
	left, max int64
}

func (r *limitedReader) Read(p []byte) (int, error) {
	if int64(len(p)) > r.left+1 {
		p = p[:r.left+1]
	}
	n, err := r.src.Read(p)
	if int64(n) > r.left {
		n, r.left = int(r.left), 0
		return n, &FileError{fmt.Sprintf("The file is larger than %s once unpacked, which is the most an import takes; split it up.", size(r.max))}
	}
	r.left -= int64(n)
	return n, err
}

func size(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// kinds are the first bytes of files that people upload in place of a CSV file.
var kinds = []struct{ magic, reason string }{
	{"PK\x03\x04", "The file is an Excel workbook or a ZIP archive; save the sheet as CSV and upload that."},
	{"\xd0\xcf\x11\xe0", "The file is an old Excel workbook; save the sheet as CSV and upload that."},
	{"%PDF", "The file is a PDF; export it from the till as CSV and upload that."},
	{"\xff\xfe", WrongUTF16},
	{"\xfe\xff", WrongUTF16},
	{"\x1f\x8b", "The file is packed twice; pack it once and upload that."},
}

// WrongUTF16 is said of a file in UTF-16.
const WrongUTF16 = "The file is UTF-16 text; save it as CSV UTF-8 and upload that."

// BOM is UTF-8's byte order mark.
var BOM = []byte("\xef\xbb\xbf")

// CheckKind refuses by its first bytes what cannot be a CSV file.
func CheckKind(start []byte) error {
	if len(bytes.TrimSpace(bytes.TrimPrefix(start, BOM))) == 0 && len(start) < 512 {
		return &FileError{"The file is empty."}
	}
	for _, k := range kinds {
		if bytes.HasPrefix(start, []byte(k.magic)) {
			return &FileError{k.reason}
		}
	}
	if looksUTF16(start) {
		return &FileError{WrongUTF16}
	}
	return nil
}

// looksUTF16 reports whether every other byte is NUL, as in UTF-16 text of mostly ASCII.
func looksUTF16(start []byte) bool {
	var nul [2]int
	for i, c := range start {
		if c == 0 {
			nul[i%2]++
		}
	}
	few, many := min(nul[0], nul[1]), max(nul[0], nul[1])
	return len(start) >= 16 && many*10 >= len(start)*4 && few*10 <= len(start)
}

// CheckStart refuses a file without a header by how its text starts.
func CheckStart(start []byte, first string) error {
	text := bytes.TrimSpace(start)
	switch {
	case bytes.IndexByte(start, 0) >= 0:
		return &FileError{"The file is not text; upload a CSV file, gzipped or not."}
	case bytes.HasPrefix(text, []byte("{")), bytes.HasPrefix(text, []byte("[")):
		return &FileError{"The file is JSON and no CSV file; export it from the till as CSV. " + first}
	case bytes.HasPrefix(text, []byte("<")):
		return &FileError{"The file is HTML or XML and no CSV file; export it from the till as CSV. " + first}
	}
	return nil
}
