// Command dynamostub answers DynamoDB's protocol over TLS from memory, so that a measurement
// of a Lambda function shows what a call costs the function, and not how long a store takes.
//
// It speaks the protocol as DynamoDB does (JSON 1.0, the operation in X-Amz-Target, a CRC32
// of the answer), but it is no store. It holds the sample menu and one order of three lines.
// Once it is ready, it answers every write as done and forgets it, so that the same order
// can be placed again and again. Correctness is tested on DynamoDB Local.
//
//	go run ./tools/dynamostub -menu cmd/cafe/sample_menu.csv -dir DIR
//
// writes to DIR what a run of lambdabench needs: get.json and post.json (proxy events of
// 4.5 KB for GET /orders/{id} and POST /orders), ca.pem and env, the function's
// environment, a NAME=VALUE a line. Then it says "ready" and serves until it is killed.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	_ "embed"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"hash/crc32"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"cafe/internal/cafe"
	"cafe/internal/settings"
	"cafe/internal/table/dynamo"
	"cafe/model"
	"cafe/model/till"
)

//go:embed event.json
var event string

func main() {
	log.SetFlags(0)
	log.SetPrefix("dynamostub: ")
	dir := flag.String("dir", "", "folder for the events and the environment")
	menu := flag.String("menu", "", "the menu's CSV file")
	flag.Parse()
	if err := run(*dir, *menu); err != nil {
		log.Fatal(err)
	}
}

func run(dir, menu string) error {
	certificate, ca, err := certify()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s := &stub{
		config: &tls.Config{Certificates: []tls.Certificate{certificate}, DynamicRecordSizingDisabled: true},
		items:  map[string]map[string]json.RawMessage{},
	}
	done := make(chan error, 1)
	go func() { done <- s.serve(listener) }()

	env := map[string]string{
		"AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "example",
		"AWS_SESSION_TOKEN":         strings.Repeat("session-token-", 60), // as long as a role's
		"AWS_ENDPOINT_URL_DYNAMODB": "https://" + listener.Addr().String(),
		"CAFE_TABLE":                "cafe", "CAFE_BUCKET": "cafe",
		"CAFE_CURSOR_SECRET": "not-a-secret-local-cursors",
	}
	order, err := seed(env, ca, menu)
	if err != nil {
		return fmt.Errorf("seed: %w", err)
	}
	s.freeze()

	var lines strings.Builder
	for name, value := range env {
		fmt.Fprintf(&lines, "%s=%s\n", name, value)
	}
	post := `{"lines":[{"sku":"latte","quantity":2,"options":["oat"]},{"sku":"tea","quantity":1},{"sku":"toast","quantity":1,"note":"well done"}]}`
	for name, content := range map[string]string{
		"ca.pem":    string(ca),
		"env":       lines.String(),
		"get.json":  fill("GET", "/orders/"+order, "/orders/{id}", ""),
		"post.json": fill("POST", "/orders", "/orders", post),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	return <-done
}

// fill returns a proxy event made from the template.
func fill(method, path, resource, body string) string {
	quoted, _ := json.Marshal(body)
	if body == "" {
		quoted = []byte("null")
	}
	return strings.NewReplacer("$METHOD", method, "$PATH", path, "$RESOURCE", resource, `"$BODY"`, string(quoted)).Replace(event)
}

// seed stores the menu and an order, with the café's own code.
func seed(env map[string]string, ca []byte, menu string) (order string, err error) {
	getenv := func(name string) string { return env[name] }
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	client, err := dynamo.FromEnv(getenv, func(o *dynamodb.Options) {
		o.HTTPClient = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	})
	if err != nil {
		return "", err
	}
	settings, err := settings.FromEnv(getenv)
	if err != nil {
		return "", err
	}
	c := cafe.New(settings, dynamo.New(client, dynamo.Options{Table: "cafe"}), time.Now)
	ctx := context.Background()
	content, err := os.ReadFile(menu)
	if err != nil {
		return "", err
	}
	file, err := till.ReadMenu(ctx, bytes.NewReader(content), till.Rules{})
	if err != nil {
		return "", err
	}
	defer file.Close()
	for row, err := range file.All() {
		if err != nil {
			return "", err
		}
		if _, err := c.SetMenuItem(ctx, row.Item, nil); err != nil {
			return "", err
		}
	}
	placed, _, err := c.Place(ctx, cafe.Caller{ID: "alice", Role: model.RoleCustomer}, model.Draft{Lines: []model.DraftLine{
		{SKU: "latte", Quantity: 2, Options: []string{"oat"}}, {SKU: "tea", Quantity: 1}, {SKU: "toast", Quantity: 1, Note: "well done"},
	}}, "seed")
	return placed.ID, err
}

// stub has items by their keys, in the form of the protocol.
type stub struct {
	config *tls.Config
	mu     sync.RWMutex
	frozen bool                                  // writes no longer change anything
	items  map[string]map[string]json.RawMessage // by PK, SK
}

func (s *stub) freeze() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.frozen = true
}

func (s *stub) isFrozen() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.frozen
}

type text struct{ S string }

type key struct{ PK, SK text }

type call struct {
	Key                       key
	Item                      json.RawMessage
	ExpressionAttributeValues map[string]json.RawMessage
	TransactItems             []struct {
		Put struct{ Item json.RawMessage }
	}
}

// waiting is a connection whose reads wait in the kernel and not in Go's poller, which
// would take its time to wake up.
type waiting struct {
	net.Conn
	file *os.File
}

func (w waiting) Read(b []byte) (int, error)  { return w.file.Read(b) }
func (w waiting) Write(b []byte) (int, error) { return w.file.Write(b) }

// serve answers each connection in a plain loop. Package net/http would take longer for an
// answer than the function takes for a request.
func (s *stub) serve(l net.Listener) error {
	for {
		accepted, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer accepted.Close()
			file, err := accepted.(*net.TCPConn).File()
			if err != nil {
				return
			}
			defer file.Close()
			conn := tls.Server(waiting{accepted, file}, s.config)
			r := bufio.NewReaderSize(conn, 64<<10)
			// The last question and its answer. The function asks the same question again
			// and again, and it should not have to wait for work done here.
			var asked, answer []byte
			for {
				operation, body, err := read(r)
				if err != nil {
					return
				}
				if question := append([]byte(operation), body...); !s.isFrozen() || !bytes.Equal(question, asked) {
					asked, answer = question, s.response(operation, body)
				}
				if _, err := conn.Write(answer); err != nil {
					return
				}
			}
		}()
	}
}

// response returns an answer with its header.
func (s *stub) response(operation string, body []byte) []byte {
	status, answer := "200 OK", s.answer(operation, body)
	if answer == nil {
		status, answer = "400 Bad Request", []byte(`{"__type":"UnknownOperationException"}`)
	}
	b := fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n"+
		"X-Amz-Crc32: %d\r\nX-Amzn-Requestid: VV1F6M2V2C4IB7KHFUHKR0RAK3VV4KQNSO5AEMVJF66Q9ASUAAJG\r\n"+
		"Date: Mon, 23 Nov 2026 12:00:00 GMT\r\n\r\n", status, len(answer), crc32.ChecksumIEEE(answer))
	return append(b, answer...)
}

// read reads a request and returns its operation and its body.
func read(r *bufio.Reader) (operation string, body []byte, err error) {
	length := 0
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return "", nil, err
		}
		if len(line) <= 2 {
			break
		}
		name, value, _ := bytes.Cut(bytes.TrimSpace(line), []byte(": "))
		switch {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return "", nil, err
			}
		case bytes.EqualFold(name, []byte("X-Amz-Target")):
			_, after, _ := bytes.Cut(value, []byte("."))
			operation = string(after)
		}
	}
	body = make([]byte, length)
	_, err = io.ReadFull(r, body)
	return operation, body, err
}

// answer returns the answer to an operation, or nil if the operation is unknown.
func (s *stub) answer(operation string, body []byte) []byte {
	switch {
	case s.isFrozen() && (operation == "PutItem" || operation == "TransactWriteItems"):
		return []byte("{}")
	case operation == "UpdateItem" || operation == "DeleteItem":
		return []byte("{}")
	}
	var c call
	if err := json.Unmarshal(body, &c); err != nil {
		return nil
	}
	switch operation {
	case "GetItem":
		s.mu.RLock()
		defer s.mu.RUnlock()
		if item, there := s.items[c.Key.PK.S][c.Key.SK.S]; there {
			return append(append([]byte(`{"Item":`), item...), '}')
		}
		return []byte("{}")
	case "Query":
		return s.query(c)
	case "PutItem":
		s.put(c.Item)
		return []byte("{}")
	case "TransactWriteItems":
		for _, t := range c.TransactItems {
			s.put(t.Put.Item)
		}
		return []byte("{}")
	}
	return nil
}

func (s *stub) put(item json.RawMessage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if item == nil {
		return
	}
	var k key
	if json.Unmarshal(item, &k) != nil {
		return
	}
	if s.items[k.PK.S] == nil {
		s.items[k.PK.S] = map[string]json.RawMessage{}
	}
	s.items[k.PK.S][k.SK.S] = item
}

// query answers with a whole partition. The function only queries the menu.
func (s *stub) query(c call) []byte {
	var partition text
	if json.Unmarshal(c.ExpressionAttributeValues[":p"], &partition) != nil {
		return []byte("{}")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var keys []string
	for sk := range s.items[partition.S] {
		keys = append(keys, sk)
	}
	sort.Strings(keys)
	answer := []byte(`{"Items":[`)
	for i, sk := range keys {
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = append(answer, s.items[partition.S][sk]...)
	}
	return fmt.Appendf(answer, `],"Count":%d,"ScannedCount":%d}`, len(keys), len(keys))
}

// certify returns a certificate for 127.0.0.1 and the certificate of its authority.
func certify() (tls.Certificate, []byte, error) {
	authority, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "dynamostub"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, root, root, authority.Public(), authority)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: root.NotBefore, NotAfter: root.NotAfter, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	signed, err := x509.CreateCertificate(rand.Reader, leaf, root, own.Public(), authority)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{signed}, PrivateKey: own},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
