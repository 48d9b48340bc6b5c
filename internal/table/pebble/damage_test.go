package pebble

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"cafe/internal/table"
)

// The number is what a later program goes by, when it has another format.
func TestANewStoreHasTheNumberOfItsFormat(t *testing.T) {
	dir := t.TempDir()
	for what := range 2 { // new, and opened again
		p, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if number, err := p.fact(metaFormat); number != 1 || err != nil {
			t.Errorf("opened %d times: format %d, %v", what+1, number, err)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A file that a disk has damaged makes reads of it fail, and says so in the log: nobody may
// have read the answer. So does work in the background that fails.
func TestADamagedFileIsInTheLog(t *testing.T) {
	dir, random := t.TempDir(), rand.New(rand.NewPCG(1, 1))
	p, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	key := func(i int) table.Key { return table.Key{PK: fmt.Sprint(i), SK: "x"} }
	for i := range 200 {
		b := make([]byte, 2500)
		for j := range b {
			b[j] = byte(random.Uint32())
		}
		mustWrite(t, p, table.Put(key(i), table.Item{"a": table.String(hex.EncodeToString(b))}))
	}
	if err := p.db.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	var log lockedBuffer
	p = open(t, dir, Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	tables, err := filepath.Glob(filepath.Join(dir, "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	// The store is open, since it may well refuse to open when this was done before.
	damaged := 0
	for _, path := range tables {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := len(b) / 10; i < len(b)*9/10 && len(b) > 100_000; i += 1000 {
			b[i] ^= 1
			damaged++
		}
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if damaged == 0 {
		t.Fatalf("no large file in %q", tables)
	}
	_, failed := p.Changes(ctx, 0, 1000, nil)
	for i := range 200 {
		if _, err := p.Get(ctx, key(i), true); err != nil {
			failed = err
		}
	}
	if !errors.Is(failed, table.ErrUnavailable) || !strings.Contains(log.String(), "damaged file") {
		t.Errorf("reads end with %v; the log says %s", failed, log.String())
	}
	p.engineOptions(Options{}).EventListener.BackgroundError(errors.New("out of luck"))
	if !strings.Contains(log.String(), "background work: out of luck") {
		t.Errorf("the log says %s", log.String())
	}
}

// lockedBuffer is a buffer for several writers.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
