// Command smoke looks at a café from outside, as after a deployment: it asks for health and
// menu, is refused without a token, places an order, reads it and cancels it.
//
//	URL=https://abc.execute-api.eu-west-2.amazonaws.com/v1 TOKEN=… go run ./tools/smoke
//
// The token is anybody's who may order. Without one, no order is placed. The order is of one
// item of the menu that is not counted. A cancelled order counts in no total.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	url := os.Getenv("URL")
	if url == "" {
		fmt.Fprintln(os.Stderr, "smoke: URL is not set, the address of the café")
		os.Exit(2)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	c := &cafe{url: strings.TrimRight(url, "/"), token: os.Getenv("TOKEN"), client: &http.Client{Timeout: 30 * time.Second}, out: os.Stdout}
	if err := c.look(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "smoke:", err)
		os.Exit(1)
	}
}

// cafe is a café that is looked at from outside.
type cafe struct {
	url, token string
	client     *http.Client
	out        io.Writer // gets a line for each call
}

// look makes the calls. Its error says which one was answered wrongly, and with what.
func (c *cafe) look(ctx context.Context) error {
	var health struct{ Status, Version string }
	if _, err := c.call(ctx, 200, "GET", "/health", "", false, &health); err != nil {
		return err
	}
	var menu struct {
		Items []struct {
			SKU             string
			Active, Counted bool
		}
	}
	if _, err := c.call(ctx, 200, "GET", "/menu?limit=100", "", false, &menu); err != nil {
		return err
	}
	var refusal struct{ Type string }
	header, err := c.call(ctx, 401, "GET", "/orders", "", false, &refusal)
	if err != nil {
		return err
	}
	if refusal.Type != "/problems/unauthorized" || header.Get("WWW-Authenticate") == "" {
		return fmt.Errorf("GET /orders without a token: the answer is no challenge: %s, %v", refusal.Type, header)
	}
	if c.token == "" {
		fmt.Fprintf(c.out, "version %s. TOKEN is not set, so no order was placed\n", health.Version)
		return nil
	}
	sku := ""
	for _, item := range menu.Items {
		if item.Active && !item.Counted {
			sku = item.SKU
			break
		}
	}
	if sku == "" {
		return fmt.Errorf("nothing can be ordered: the menu has no active item that is not counted")
	}
	if err := c.order(ctx, sku); err != nil {
		return err
	}
	fmt.Fprintf(c.out, "version %s takes orders\n", health.Version)
	return nil
}

// order places an order of the item, cancels it and reads it.
func (c *cafe) order(ctx context.Context, sku string) error {
	var o struct{ ID, Status string }
	body := fmt.Sprintf(`{"lines":[{"sku":%q,"quantity":1}],"note":"smoke check"}`, sku)
	header, err := c.call(ctx, 201, "POST", "/orders", body, true, &o)
	if err != nil {
		return err
	}
	if !strings.HasSuffix(header.Get("Location"), "/orders/"+o.ID) {
		return fmt.Errorf("POST /orders: the order %s is said to be at %q", o.ID, header.Get("Location"))
	}
	if _, err := c.call(ctx, 200, "PUT", "/orders/"+o.ID+"/status", `{"status":"cancelled"}`, true, &o); err != nil {
		return err
	}
	if _, err := c.call(ctx, 200, "GET", "/orders/"+o.ID, "", true, &o); err != nil {
		return err
	}
	if o.Status != "cancelled" {
		return fmt.Errorf("the order %s is %s, not cancelled", o.ID, o.Status)
	}
	return nil
}

// call makes a call, with the token if asked to, and decodes its answer into v.
func (c *cafe) call(ctx context.Context, want int, method, path, body string, withToken bool, v any) (http.Header, error) {
	req, err := http.NewRequestWithContext(ctx, method, c.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if withToken {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if method == "POST" {
		req.Header.Set("Idempotency-Key", "smoke-"+rand.Text())
	}
	began := time.Now()
	res, err := c.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	fmt.Fprintf(c.out, "%d %s %s (%d ms)\n", res.StatusCode, method, path, time.Since(began).Milliseconds())
	if res.StatusCode != want {
		return nil, fmt.Errorf("%s %s: got %d, want %d: %s", method, path, res.StatusCode, want, bytes.TrimSpace(answer))
	}
	if err := json.Unmarshal(answer, v); err != nil {
		return nil, fmt.Errorf("%s %s: the answer is not JSON: %w", method, path, err)
	}
	return res.Header, nil
}
