package webhooks

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"cafe/internal/records"
	"cafe/internal/table"
	"cafe/model"
)

const (
	// Most is how many endpoints a café may have.
	Most = 20
	// Both is how long two secrets sign after a rotation.
	Both = 24 * time.Hour

	maxURL         = 2000
	maxDescription = 500
)

// Status says whether an endpoint gets events.
type Status string

// The statuses of an endpoint.
const (
	Active   Status = "active"
	Disabled Status = "disabled" // by the owner, or by itself: it answered 410
	Failing  Status = "failing"  // a delivery had all its tries
)

// Draft is what the owner says of an endpoint.
type Draft struct {
	URL         string
	Types       []model.EventType // that it wants; none: all
	Description string
}

// Endpoint is where events go.
type Endpoint struct {
	ID string
	Draft
	Status    Status
	Reason    string // why it is not active, empty when the owner said so
	CreatedAt time.Time
	RotatedAt time.Time // zero: never

	secret, former string    // whsec_…; former is empty but for Both after a rotation
	testID         string    // of the test event that was asked for last
	testAt         time.Time // when
}

// Wants reports whether the endpoint wants events of the type.
func (e Endpoint) Wants(t model.EventType) bool {
	return len(e.Types) == 0 || slices.Contains(e.Types, t)
}

// Check returns what is wrong with a draft, as a model.Invalid, or nil.
func (h *Hooks) Check(d Draft) error { return d.check(h.Loopback).Err() }

// check returns what is wrong with a draft. loopback allows http, and this machine.
func (d Draft) check(loopback bool) (faults model.Invalid) {
	if why := checkURL(d.URL, loopback); why != "" {
		faults.Add("/url", why)
	}
	for i, t := range d.Types {
		field := "/types/" + strconv.Itoa(i)
		switch {
		case !t.Valid():
			faults.Add(field, "is not a type of events")
		case slices.Contains(d.Types[:i], t):
			faults.Add(field, "is there twice")
		}
	}
	if utf8.RuneCountInString(d.Description) > maxDescription {
		faults.Add("/description", "must have at most "+strconv.Itoa(maxDescription)+" characters")
	}
	return faults
}

// checkURL returns what is wrong with the address of an endpoint, in words.
func checkURL(text string, loopback bool) string {
	u, err := url.Parse(text)
	plain := err == nil && u.Scheme == "http" && loopback
	switch {
	case len(text) > maxURL:
		return "must have at most " + strconv.Itoa(maxURL) + " bytes"
	case err != nil || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return "must be a URL such as https://example.com/hooks"
	case u.Scheme != "https" && !plain:
		return "must begin with https://"
	case u.User != nil:
		return "must not hold a user name or password"
	case u.Fragment != "" || strings.Contains(text, "#"):
		return "must not have a fragment"
	case strings.ContainsFunc(text, func(c rune) bool { return c <= ' ' || c > '~' }):
		return "must be ASCII, with anything else escaped"
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "must have a port from 1 to 65535"
		}
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	a, err := netip.ParseAddr(host)
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	switch {
	case loopback && (local || err == nil && Allowed(a, true)):
		return ""
	case err == nil && !Allowed(a, false), local, strings.HasSuffix(host, ".internal"), strings.HasSuffix(host, ".local"):
		return "must not be the address of a private network"
	case err != nil && (!strings.Contains(host, ".") || isNumber(host[strings.LastIndexByte(host, '.')+1:])):
		return "must have a host that the whole internet knows" // 127.1 and 0x7f000001 are addresses to some
	}
	return ""
}

func isNumber(label string) bool {
	_, err := strconv.ParseUint(label, 0, 64)
	return err == nil
}

// special are the blocks of addresses that are not of the whole internet, besides those that
// netip knows (IANA IPv4 and IPv6 Special-Purpose Address Registries).
var special = prefixes("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")

var globalV6 = netip.MustParsePrefix("2000::/3")

func prefixes(texts ...string) (all []netip.Prefix) {
	for _, text := range texts {
		all = append(all, netip.MustParsePrefix(text))
	}
	return all
}

// Allowed reports whether events may be sent to an address: one of the whole internet, and not
// of a private network, of this machine, of a multicast group, or one that stands for another
// (IPv4 in IPv6, 6to4, Teredo, NAT64). With loopback, this machine is allowed, too.
func Allowed(a netip.Addr, loopback bool) bool {
	if a.Zone() != "" {
		return false
	}
	if a = a.Unmap(); a.IsLoopback() {
		return loopback
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.Is6() && !globalV6.Contains(a) {
		return false
	}
	return !slices.ContainsFunc(special, func(p netip.Prefix) bool { return p.Contains(a) })
}

// secretPrefix is how a secret begins (Standard Webhooks 1.0, "Signature scheme").
const secretPrefix = "whsec_"

// newSecret returns a secret of 32 random bytes. The standard wants 24 to 64.
func newSecret() string {
	var b [32]byte
	rand.Read(b[:]) // never fails (package crypto/rand)
	return secretPrefix + base64.StdEncoding.EncodeToString(b[:])
}

// Signature returns the header webhook-signature of a message: a signature by each secret that
// is good at that time, the newest first (Standard Webhooks 1.0, "Signature scheme").
func (e Endpoint) Signature(id string, at time.Time, body []byte) string {
	signatures := []string{sign(e.secret, id, at, body)}
	if e.former != "" && at.Before(e.RotatedAt.Add(Both)) {
		signatures = append(signatures, sign(e.former, id, at, body))
	}
	return strings.Join(signatures, " ")
}

func sign(secret, id string, at time.Time, body []byte) string {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, secretPrefix)) // we made it
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.", id, at.Unix())
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func encodeEndpoint(e Endpoint) table.Item {
	types := make([]table.Value, len(e.Types))
	for i, t := range e.Types {
		types[i] = table.String(string(t))
	}
	item := table.Item{
		"url": table.String(e.URL), "types": table.List(types...), "status": table.String(string(e.Status)),
		"created_at": records.Time(e.CreatedAt), "secret": table.String(e.secret),
	}
	records.PutText(item, "description", e.Description)
	records.PutText(item, "reason", e.Reason)
	records.PutText(item, "former", e.former)
	records.PutTime(item, "rotated_at", e.RotatedAt)
	records.PutText(item, "test_id", e.testID)
	records.PutTime(item, "test_at", e.testAt)
	return item
}

func decodeEndpoint(key table.Key, item table.Item) (Endpoint, error) {
	r := records.NewReader(key, item)
	e := Endpoint{
		ID: key.SK, Draft: Draft{URL: r.Text("url"), Description: r.Optional("description")},
		Status: Status(r.Text("status")), Reason: r.Optional("reason"), CreatedAt: r.Time("created_at"), RotatedAt: r.OptionalTime("rotated_at"),
		secret: r.Text("secret"), former: r.Optional("former"), testID: r.Optional("test_id"), testAt: r.OptionalTime("test_at"),
	}
	for _, t := range r.Texts("types") {
		e.Types = append(e.Types, model.EventType(t))
	}
	return e, r.Err()
}
