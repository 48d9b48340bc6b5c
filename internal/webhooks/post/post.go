// Package post calls the endpoints of webhooks over HTTP. An endpoint's address comes from
// outside, so nothing is called that is not on the internet, whatever a name resolves to: the
// very address that was checked is dialled, and no redirect is followed.
package post

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"time"

	"cafe/internal/webhooks"
	"cafe/model"
)

// Limit is how long one call may take in all.
const Limit = 15 * time.Second

// mostRead is how much of an answer is read, so that its connection can be used again.
const mostRead = 16 << 10

// Options are for tests. The zero Options are right elsewhere.
type Options struct {
	Loopback bool           // this machine may be called, too
	Limit    time.Duration  // 0: Limit
	Roots    *x509.CertPool // nil: the system's
	Resolve  func(ctx context.Context, host string) ([]netip.Addr, error)
}

// Client calls endpoints. Make it with New; it is safe for concurrent use.
type Client struct {
	http     *http.Client
	limit    time.Duration
	loopback bool
	resolve  func(ctx context.Context, host string) ([]netip.Addr, error)
	dialer   net.Dialer
}

// New returns a client.
func New(o Options) *Client {
	c := &Client{limit: o.Limit, loopback: o.Loopback, resolve: o.Resolve}
	if c.limit == 0 {
		c.limit = Limit
	}
	if c.resolve == nil {
		c.resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}
	}
	c.http = &http.Client{
		// A redirect is an answer like any other, and no success.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:       nil, // a proxy would be called in place of the address that was checked
			DialContext: c.dial,
			TLSClientConfig: &tls.Config{
				MinVersion: tls.VersionTLS12,
				RootCAs:    o.Roots,
			},
			MaxIdleConnsPerHost: 1, MaxIdleConns: 2 * webhooks.Most, IdleConnTimeout: 30 * time.Second,
			MaxResponseHeaderBytes: 32 << 10, DisableCompression: true,
		},
	}
	return c
}

// errForbidden says that a name stands for an address that must not be called.
var errForbidden = errors.New("its name stands for an address of a private network")

// dial connects to a host. It resolves the name itself, checks every address, and dials one of
// those that it checked: a name that stands for something else a moment later does not matter.
func (c *Client) dial(ctx context.Context, network, address string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	addresses, err := c.addresses(ctx, host)
	if err != nil {
		return nil, err
	}
	for _, a := range addresses {
		if !webhooks.Allowed(a, c.loopback) {
			return nil, errForbidden
		}
	}
	var failed error
	for _, a := range addresses {
		conn, err := c.dialer.DialContext(ctx, "tcp", net.JoinHostPort(a.Unmap().String(), port))
		if err == nil {
			return conn, nil
		}
		failed = errors.Join(failed, err)
	}
	return nil, failed
}

func (c *Client) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	addresses, err := c.resolve(ctx, host)
	if err == nil && len(addresses) == 0 {
		err = errors.New("its name has no address")
	}
	return addresses, err
}

// Send implements webhooks.Sender.
func (c *Client) Send(ctx context.Context, e webhooks.Endpoint, event model.Event, at time.Time) (o webhooks.Outcome) {
	began := time.Now()
	defer func() { o.Took = time.Since(began) }()
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	body := event.AppendJSON(nil)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return webhooks.Outcome{Error: "its URL cannot be called"}
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "cafe-webhooks/1")
	r.Header.Set("webhook-id", event.ID)
	r.Header.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
	r.Header.Set("webhook-signature", e.Signature(event.ID, at, body))
	answer, err := c.http.Do(r)
	if err != nil {
		return webhooks.Outcome{Error: reason(err)}
	}
	defer answer.Body.Close()
	_, _ = io.CopyN(io.Discard, answer.Body, mostRead) // what it says does not matter
	o.Status = answer.StatusCode
	switch {
	case o.Status/100 == 2:
	case o.Status/100 == 3:
		o.Error = fmt.Sprintf("it answered %d: redirects are not followed", o.Status)
	default:
		o.Error = fmt.Sprintf("it answered %d", o.Status)
		o.RetryAfter = retryAfter(answer.Header.Get("Retry-After"), at)
	}
	return o
}

// retryAfter returns what a Retry-After header asks for (RFC 9110, section 10.2.3).
func retryAfter(header string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

// reason says in words why there was no answer. It has nothing of the endpoint's own text.
func reason(err error) string {
	var (
		name        *net.DNSError
		certificate *tls.CertificateVerificationError
		record      tls.RecordHeaderError
		alert       tls.AlertError
		timeout     interface{ Timeout() bool }
	)
	switch {
	case errors.Is(err, errForbidden):
		return errForbidden.Error()
	case errors.As(err, &name):
		return "its name cannot be resolved"
	case errors.As(err, &certificate):
		return "its certificate is not valid"
	case errors.As(err, &record), errors.As(err, &alert):
		return "no TLS connection can be made to it"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "it did not answer in time"
	}
	return "the connection failed"
}
