// Command embedded is the floor that a café in one process is measured against. For each
// POST it reads the body and writes one Pebble batch (a 700-byte order, two index keys, a
// 700-byte change record); the 201 comes when the batch is on the disk. There is no JSON,
// no token and no pricing. GET /orders reads the newest order back.
//
//	go run ./tools/floors/embedded -addr 127.0.0.1:8078 &
//	wrk -t1 -c16 -d5s -s post.lua http://127.0.0.1:8078/orders
package main

import (
	"crypto/rand"
	"encoding/binary"
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8078", "address to listen on")
	flag.Parse()
	dir, err := os.MkdirTemp("", "floor")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := pebble.Open(dir, &pebble.Options{})
	if err != nil {
		log.Fatal(err)
	}
	value := make([]byte, 700)
	rand.Read(value)

	var (
		mu   sync.Mutex // orders the check and the apply; the wait for the disk is outside it
		seq  uint64
		last [17]byte
	)
	place := func() error {
		b := db.NewBatch()
		defer b.Close()
		var key [17]byte
		rand.Read(key[:])
		key[16] = 'o'
		mu.Lock()
		if _, c, err := db.Get(key[:]); err == nil {
			c.Close()
			mu.Unlock()
			return nil
		}
		b.Set(key[:], value, nil)
		last = key
		for _, index := range []byte{'i', 'j'} {
			key[16] = index
			b.Set(key[:], key[:8], nil)
		}
		seq++
		var change [9]byte
		change[0] = 'c'
		binary.BigEndian.PutUint64(change[1:], seq)
		b.Set(change[:], value, nil)
		err := db.ApplyNoSyncWait(b, pebble.Sync)
		mu.Unlock()
		if err != nil {
			return err
		}
		return b.SyncWait()
	}
	http.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		if err := place(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.WriteHeader(http.StatusCreated)
		w.Write(value)
	})
	http.HandleFunc("GET /orders", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		key := last
		mu.Unlock()
		v, c, err := db.Get(key[:])
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Write(v)
		c.Close()
	})
	log.Fatal(http.ListenAndServe(*addr, nil))
}
