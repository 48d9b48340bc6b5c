package webhooks_test

import (
	"encoding/base64"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cafe/internal/cafetest"
	"cafe/internal/webhooks"
	"cafe/model"
)

func TestAddressesThatAreNotOfTheInternetAreRefused(t *testing.T) {
	for _, a := range []string{
		"0.0.0.0", "10.0.0.1", "127.0.0.1", "127.1.2.3", "100.64.0.1", "100.127.255.255", "169.254.169.254", "172.16.0.1", "172.31.255.255",
		"192.0.0.1", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
		"::", "::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::a00:1", "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1",
		"fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "2001::1", "2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "3fff::1", "5f00::1",
	} {
		if webhooks.Allowed(netip.MustParseAddr(a), false) {
			t.Errorf("%s may be called", a)
		}
	}
	for _, a := range []string{"1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.0", "172.32.0.1", "192.0.1.1", "198.20.0.1", "::ffff:8.8.8.8", "2606:4700::1111", "2a00:1450:4009::1", "2001:4860:4860::8888"} {
		if !webhooks.Allowed(netip.MustParseAddr(a), false) {
			t.Errorf("%s may not be called", a)
		}
	}
	for a, want := range map[string]bool{"127.0.0.1": true, "::1": true, "::ffff:127.0.0.1": true, "10.0.0.1": false, "169.254.169.254": false, "0.0.0.0": false, "8.8.8.8": true} {
		if webhooks.Allowed(netip.MustParseAddr(a), true) != want {
			t.Errorf("in development %s: %v", a, !want)
		}
	}
}

func TestAURLThatIsNoneIsAClearProblem(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	create := func(d webhooks.Draft) string {
		_, _, err := c.Webhooks.Create(ctx, d)
		var invalid model.Invalid
		if errors.As(err, &invalid) {
			return invalid.Error()
		}
		if err != nil {
			t.Fatal(err)
		}
		return ""
	}
	for url, why := range map[string]string{
		"":                                                 "must be a URL",
		"example.com/hook":                                 "must be a URL",
		"https://":                                         "must be a URL",
		"https:example.com":                                "must be a URL",
		"https://exa mple.com":                             "must be a URL",
		"https://[::1":                                     "must be a URL",
		"https://example.com:port/":                        "must be a URL",
		"http://example.com/":                              "must begin with https://",
		"ftp://example.com/":                               "must begin with https://",
		"file:///etc/passwd":                               "must be a URL",
		"javascript:alert(1)":                              "must be a URL",
		"https://user:pass@example.com/":                   "user name or password",
		"https://user@example.com/":                        "user name or password",
		"https://example.com/#part":                        "fragment",
		"https://example.com:0/":                           "port",
		"https://example.com:65536/":                       "port",
		"https://exämple.com/":                             "must be ASCII",
		"https://localhost/":                               "private network",
		"https://LOCALHOST:8443/":                          "private network",
		"https://localhost./":                              "private network",
		"https://a.localhost/":                             "private network",
		"https://127.0.0.1/":                               "private network",
		"https://[::1]/":                                   "private network",
		"https://[::ffff:10.0.0.1]/":                       "private network",
		"https://[64:ff9b::7f00:1]/":                       "private network",
		"https://169.254.169.254/latest":                   "private network",
		"https://10.1.2.3:8443/":                           "private network",
		"https://metadata.google.internal/":                "private network",
		"https://printer.local/":                           "private network",
		"https://intranet/":                                "the whole internet",
		"https://127.1/":                                   "the whole internet",
		"https://2130706433/":                              "the whole internet",
		"https://0x7f.0.0.1/":                              "the whole internet",
		"https://0177.0.0.01/":                             "the whole internet",
		"https://example.com/" + strings.Repeat("a", 2000): "2000 bytes",
	} {
		if got := create(webhooks.Draft{URL: url}); !strings.Contains(got, "/url: ") || !strings.Contains(got, why) {
			t.Errorf("%.60q: %q, want %q", url, got, why)
		}
	}
	if got := create(webhooks.Draft{URL: "https://example.com", Types: []model.EventType{"order.ready", "order.eaten", "order.ready", "webhook.test"}, Description: strings.Repeat("é", 501)}); got !=
		"/types/1: is not a type of events; /types/2: is there twice; /types/3: is not a type of events; /description: must have at most 500 characters" {
		t.Error(got)
	}
	for _, url := range []string{"https://example.com", "https://hooks.example.co.uk:8443/a/b?c=d%20e", "https://93.184.215.14/", "https://[2606:4700::1111]:8443/x", "https://xn--exmple-cua.com/"} {
		if got := create(webhooks.Draft{URL: url}); got != "" {
			t.Errorf("%s: %s", url, got)
		}
	}
	c.Webhooks.Loopback = true
	for url, ok := range map[string]bool{
		"http://127.0.0.1:3001/hook": true, "http://localhost:3001/": true, "https://[::1]/": true, "http://example.com/": true, "http://10.0.0.1/": false, "http://169.254.169.254/": false, "http://intranet/": false,
	} {
		if got := create(webhooks.Draft{URL: url}); (got == "") != ok {
			t.Errorf("in development %s: %s", url, got)
		}
	}
}

func TestThereAreTwentyEndpointsAtMost(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		c := cafetest.Open(t, e.Open(t))
		var running sync.WaitGroup
		var made, refused atomic.Int64
		ids := make(chan string, 100)
		for range 30 {
			running.Go(func() {
				for {
					e, _, err := c.Webhooks.Create(ctx, webhooks.Draft{URL: "https://example.com"})
					switch {
					case err == nil:
						made.Add(1)
						ids <- e.ID
					case errors.Is(err, webhooks.ErrTooMany):
						refused.Add(1)
					default:
						continue // too many at once
					}
					return
				}
			})
		}
		running.Wait()
		all, err := c.Webhooks.List(ctx)
		if err != nil || made.Load() != webhooks.Most || refused.Load() != 30-webhooks.Most || len(all) != webhooks.Most {
			t.Fatalf("%d made, %d refused, %d listed, %v", made.Load(), refused.Load(), len(all), err)
		}
		id := <-ids
		if err := c.Webhooks.Delete(ctx, id); err != nil {
			t.Fatal(err)
		}
		if err := c.Webhooks.Delete(ctx, id); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("deleted twice: %v", err)
		}
		if _, _, err := c.Webhooks.Get(ctx, id); !errors.Is(err, model.ErrNotFound) {
			t.Errorf("still there: %v", err)
		}
		if _, _, err := c.Webhooks.Create(ctx, webhooks.Draft{URL: "https://example.com"}); err != nil {
			t.Errorf("no room after one was deleted: %v", err)
		}
	})
}

func TestBothSecretsSignForADayAfterARotation(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	e, first, err := c.Webhooks.Create(ctx, webhooks.Draft{URL: "https://example.com"})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(first, "whsec_"))
	if err != nil || !strings.HasPrefix(first, "whsec_") || len(raw) < 24 || len(raw) > 64 {
		t.Fatalf("secret %q", first)
	}
	at := c.Clock.Now()
	one := e.Signature("m", at, []byte("{}"))
	if !strings.HasPrefix(one, "v1,") || strings.Contains(one, " ") {
		t.Fatal(one)
	}
	rotated, second, err := c.Webhooks.Rotate(ctx, e.ID)
	if err != nil || second == first {
		t.Fatal(second, err)
	}
	both := strings.Fields(rotated.Signature("m", at, []byte("{}")))
	if len(both) != 2 || both[1] != one || both[0] == one {
		t.Errorf("%q, was %q", both, one)
	}
	if late := strings.Fields(rotated.Signature("m", at.Add(webhooks.Both+time.Minute), []byte("{}"))); len(late) != 1 {
		t.Errorf("after a day: %q", late)
	}
	stored, _, err := c.Webhooks.Get(ctx, e.ID)
	if err != nil || stored.Signature("m", at, []byte("{}")) != strings.Join(both, " ") {
		t.Errorf("stored otherwise: %v", err)
	}
	if _, _, err := c.Webhooks.Rotate(ctx, "nobody"); !errors.Is(err, model.ErrNotFound) {
		t.Error(err)
	}
}
