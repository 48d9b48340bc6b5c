package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// dial opens a connection to the café and sends what begins a request.
func (s *shop) dial(begin string) net.Conn {
	s.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { c.Close() })
	_, _ = io.WriteString(c, begin) // the café may have closed it already
	return c
}

// holds are the ways in which a stranger, or a customer, holds a connection.
func (s *shop) holds() []string {
	return []string{
		"",
		"GET /menu HTTP/1.1\r\nHost: x\r\nX-",
		"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf",
		"POST /orders HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n",
		"PUT /uploads/imports/x/y.csv?signature=none HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nhalf",
	}
}

// restricted opens a café that may have few files open.
func restricted(t *testing.T, files int) *shop {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: ulimit is Unix's")
	}
	return openShopBy(t, t.TempDir(), func(cmd *exec.Cmd) {
		cmd.Args = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d && exec "$0" "$@"`, files), cmd.Path}, cmd.Args[1:]...)
		cmd.Path = "/bin/sh"
	})
}

// ordersASecond has staff place orders with eight workers, and returns how many a second
// they placed. Each must be taken.
func (s *shop) ordersASecond(n int) float64 {
	s.Helper()
	s.token("staff")
	begun := time.Now()
	var workers sync.WaitGroup
	next := make(chan int)
	for range 8 {
		workers.Go(func() {
			for range next {
				if status := s.call("staff", "POST", "/orders", json.RawMessage(oneTea), nil); status != 201 {
					s.Errorf("an order of staff was answered %d", status)
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	workers.Wait()
	return float64(n) / time.Since(begun).Seconds()
}

// A stranger's load never locks staff out.
func TestStrangersWhoHoldConnectionsDoNotEndTheCafe(t *testing.T) {
	s := restricted(t, 300)
	alone := s.ordersASecond(400)
	ways := s.holds()
	for i := range 400 {
		s.dial(ways[i%len(ways)])
	}
	beset := s.ordersASecond(400)
	t.Logf("orders a second: %.0f alone, %.0f beside 400 hanging connections", alone, beset)
	for range 3 { // by a newcomer
		a, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get(s.url + "/health")
		if err != nil {
			t.Fatal(err)
		}
		a.Body.Close()
		if a.StatusCode != 200 {
			t.Errorf("/health is answered %d", a.StatusCode)
		}
	}
	begun := time.Now()
	if err := s.close(); err != nil {
		t.Errorf("exit: %v: %s", err, s.stderr)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s to close", took)
	}
	log := s.stderr.String()
	if !strings.Contains(log, "connections are running out") || strings.Contains(log, "level=ERROR") || strings.Contains(log, "too many open files") {
		t.Errorf("logged: %s", log)
	}
}

// Requests under way are finished (case 60); those that never began, and those whose body
// does not come, do not keep the café open.
func TestSIGTERMDoesNotWaitForStrangers(t *testing.T) {
	s := openShop(t, t.TempDir())
	for _, way := range s.holds() {
		s.dial(way)
	}
	body := fmt.Sprintf("POST /orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 100\r\n\r\n{", s.token("customer"))
	c := s.dial(body)
	time.Sleep(100 * time.Millisecond) // it is with the handler by now, or will be dropped: either will do
	begun := time.Now()
	if err := s.close(); err != nil {
		t.Errorf("exit: %v: %s", err, s.stderr)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s to close", took)
	}
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	if b, err := io.ReadAll(c); err == nil && bytes.Contains(b, []byte("HTTP/1.1 2")) {
		t.Errorf("half a request was answered %q", b)
	}
	if strings.Contains(s.stderr.String(), "level=ERROR") {
		t.Errorf("logged: %s", s.stderr)
	}
}
