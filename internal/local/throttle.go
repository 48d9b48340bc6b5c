package local

import (
	"container/list"
	"math"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"golang.org/x/time/rate"

	"cafe/internal/cafe"
	"cafe/internal/objects/folder"
	"cafe/model"
)

const (
	// share is how much of the whole rate one customer or one address may take: a tenth.
	share = 10
	// remembered is how many callers have a bucket of their own at a time, for customers and
	// for strangers each. Beyond that, the one that was away longest is forgotten. The
	// bucket of all of them together still holds then.
	remembered = 10_000
)

// Throttle bounds the requests that the gateway takes. It goes by who asks, so that nobody
// can use up what others need. There is a bucket for staff and owners together, one for
// customers, one for strangers, who have no valid token, and one for uploads, whose links
// are their token. One customer may take a tenth of the customers' bucket, and one address
// a tenth of the strangers' or the uploads'.
//
// It is safe for concurrent use. A nil Throttle takes everything.
type Throttle struct {
	staff                         *rate.Limiter
	customers, strangers, uploads *crowd
}

// NewThrottle returns a Throttle whose four buckets each take so many requests a second, and
// so many at once.
func NewThrottle(perSecond float64, burst int) *Throttle {
	bucket := func(part int) *rate.Limiter {
		return rate.NewLimiter(rate.Limit(perSecond/float64(part)), max(1, burst/part))
	}
	crowd := func() *crowd {
		return newCrowd(bucket(1), func() *rate.Limiter { return bucket(share) })
	}
	return &Throttle{staff: bucket(1), customers: crowd(), strangers: crowd(), uploads: crowd()}
}

// take takes a request of the caller, or of a stranger if the caller is not known. It
// returns 0 if the request may go on, or else the seconds to wait, at least 1.
func (t *Throttle) take(r *http.Request, by cafe.Caller, known bool) (seconds int) {
	switch {
	case t == nil:
		return 0
	case strings.HasPrefix(r.URL.Path, folder.Path):
		return t.uploads.take(addressOf(r))
	case !known:
		return t.strangers.take(addressOf(r))
	case by.Role == model.RoleCustomer:
		return t.customers.take(by.ID)
	case !t.staff.Allow():
		return waitFor(t.staff)
	}
	return 0
}

// waitFor returns in how many seconds the bucket gets its next token.
func waitFor(l *rate.Limiter) int {
	return int(max(1, math.Ceil(1/float64(l.Limit()))))
}

// addressOf returns where a request comes from. An IPv6 client may use any address of a
// network of 64 bits, so that network counts as one.
func addressOf(r *http.Request) string { return network(r.RemoteAddr) }

func network(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		host = address
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	prefix, _ := ip.Prefix(64)
	return prefix.String()
}

// crowd is callers of one kind: a bucket for each, and one for all together.
type crowd struct {
	all *rate.Limiter
	one func() *rate.Limiter

	mu      sync.Mutex
	buckets map[string]*list.Element // of *callersBucket
	recent  *list.List               // the one that was here last comes first
}

type callersBucket struct {
	key     string
	limiter *rate.Limiter
}

func newCrowd(all *rate.Limiter, one func() *rate.Limiter) *crowd {
	return &crowd{all: all, one: one, buckets: map[string]*list.Element{}, recent: list.New()}
}

func (c *crowd) take(key string) (seconds int) {
	own := c.bucket(key)
	if !own.Allow() {
		return waitFor(own)
	}
	if !c.all.Allow() {
		return waitFor(c.all)
	}
	return 0
}

func (c *crowd) bucket(key string) *rate.Limiter {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.buckets[key]; ok {
		c.recent.MoveToFront(e)
		return e.Value.(*callersBucket).limiter
	}
	if len(c.buckets) >= remembered {
		oldest := c.recent.Back()
		delete(c.buckets, c.recent.Remove(oldest).(*callersBucket).key)
	}
	b := &callersBucket{key, c.one()}
	c.buckets[key] = c.recent.PushFront(b)
	return b.limiter
}
