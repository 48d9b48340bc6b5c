package awsenv

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

//go:embed roots.pem
var amazonRoots []byte

// trustedRoots returns the root certificates of AWS, or those in the file that
// AWS_CA_BUNDLE names, as the SDK's config package does.
var trustedRoots = sync.OnceValues(func() (*x509.CertPool, error) {
	pem := amazonRoots
	if bundle := os.Getenv("AWS_CA_BUNDLE"); bundle != "" {
		var err error
		if pem, err = os.ReadFile(bundle); err != nil {
			return nil, fmt.Errorf("AWS_CA_BUNDLE: %w", err)
		}
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("AWS_CA_BUNDLE: the file has no certificates")
	}
	return pool, nil
})

// QuickTLS makes the transport check certificates against Amazon's five roots first. Only
// if those do not match, it uses the system's. Reading the system's hundred or more roots
// takes half of the CPU time of a function's first call. The transport trusts no
// certificate that it would not trust without QuickTLS. A connection may take a second, and
// its handshake another.
func QuickTLS(t *http.Transport) {
	c := &connector{dialer: net.Dialer{Timeout: time.Second, KeepAlive: 30 * time.Second}}
	t.DialContext, t.DialTLSContext = c.dialer.DialContext, c.dial
}

type connector struct {
	dialer net.Dialer
	system atomic.Bool // use the system's roots, since only they matched before
}

func (c *connector) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if c.system.Load() {
		return c.handshake(ctx, network, address, nil)
	}
	roots, err := trustedRoots()
	if err != nil {
		return nil, err
	}
	conn, err := c.handshake(ctx, network, address, roots)
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) {
		if conn, err = c.handshake(ctx, network, address, nil); err == nil {
			c.system.Store(true)
		}
	}
	return conn, err
}

// handshake connects and trusts the given roots, or the system's if roots is nil.
func (c *connector) handshake(ctx context.Context, network, address string, roots *x509.CertPool) (net.Conn, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	d := tls.Dialer{NetDialer: &c.dialer, Config: &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12}}
	return d.DialContext(ctx, network, address)
}
