// Command tilldata writes a made-up till's file to standard output, for trying imports out
// and for measuring them (see package tilltest for what is in it).
//
//	go run ./tools/tilldata -days 180 >till.csv
//	go run ./cmd/cafe import till.csv -ignore NONE,Adjustment
package main

import (
	"flag"
	"log"
	"os"
	"time"

	"cafe/internal/tilltest"
)

func main() {
	log.SetFlags(0)
	log.SetPrefix("tilldata: ")
	seed := flag.Uint64("seed", 1, "the same `number` always makes the same file")
	from := flag.String("from", "2025-09-01", "first `day`")
	days := flag.Int("days", 180, "number of days")
	flag.Parse()
	first, err := time.Parse(time.DateOnly, *from)
	if err != nil || *days < 1 || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := tilltest.Write(os.Stdout, tilltest.Options{Seed: *seed, From: first, Days: *days}); err != nil {
		log.Fatal(err)
	}
}
