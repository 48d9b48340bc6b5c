// Command client listens with github.com/tmaxmax/go-sse. .ci/events.d/play.py calls it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/tmaxmax/go-sse"
)

func main() {
	url, token, file := os.Args[1], os.Args[2], os.Args[3]
	out, err := os.OpenFile(file, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		log.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	client := sse.Client{Backoff: sse.Backoff{InitialInterval: 50 * time.Millisecond, MaxInterval: time.Second}}
	c := client.NewConnection(r)
	c.SubscribeEvent("resync", func(sse.Event) { log.Fatal("go-sse: resync") })
	c.SubscribeMessages(func(m sse.Event) {
		var e struct {
			ID, Subject, Type string
			Version           int64
		}
		if err := json.Unmarshal([]byte(m.Data), &e); err != nil {
			log.Fatal(err)
		}
		fmt.Fprintln(out, e.ID, e.Subject, e.Version, e.Type)
		if e.Subject == "/menu/the-end" {
			cancel()
		}
	})
	if err := c.Connect(); err != nil && ctx.Err() == nil {
		log.Fatal(err)
	}
}
