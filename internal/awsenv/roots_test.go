package awsenv

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// The SHA-256 of each root's public key, as published on
// https://www.amazontrust.com/repository/.
var published = []string{
	"fbe3018031f9586bcbf41727e417b7d1c45c2f47f93be372a17b96b50757d5a2",
	"7f4296fc5b6a4e3b35d3c369623e364ab1af381d8fa7121533c9d6c633ea2461",
	"36abc32656acfc645c61b71613c4bf21c787f5cabbee48348d58597803d7abc9",
	"f7ecded5c66047d28ed6466b543c40e0743abe81d109254dcf845d4c2c7853c5",
	"2b071c59a0a0ae76b0eadb2bad23bad4580b69c3601b630c2eaf0613afa83f92",
}

func TestTheRootsAreThoseThatAmazonPublishes(t *testing.T) {
	var got []string
	for rest := amazonRoots; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(c.RawSubjectPublicKeyInfo)
		got = append(got, hex.EncodeToString(sum[:]))
		if !c.IsCA || time.Until(c.NotAfter) < 365*24*time.Hour {
			t.Errorf("%s is good until %s only", c.Subject, c.NotAfter)
		}
	}
	if !slices.Equal(got, published) {
		t.Errorf("roots %v", got)
	}
}

// A process reads its roots only once, so each case runs in its own process.
func TestTrustedRoots(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	certificate, ca := certify(t)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	defer server.Close()
	_, other := certify(t)
	files := map[string]string{"": "", "none": filepath.Join(t.TempDir(), "none")}
	for name, content := range map[string][]byte{"right": ca, "other": other, "no certificates": []byte("none")} {
		files[name] = filepath.Join(t.TempDir(), "ca.pem")
		if err := os.WriteFile(files[name], content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ system, bundle, want string }{
		{"right", "", ""}, // the system's roots match, Amazon's do not
		{"other", "", "unknown authority"},
		{"other", "right", ""},
		{"right", "other", ""},
		{"other", "other", "unknown authority"},
		{"right", "none", "AWS_CA_BUNDLE"},
		{"right", "no certificates", "AWS_CA_BUNDLE"},
	} {
		t.Run(c.system+" in the system, "+c.bundle+" in the bundle", func(t *testing.T) {
			out := helper(t, server.URL, "SSL_CERT_FILE="+files[c.system], "SSL_CERT_DIR="+files["none"], "AWS_CA_BUNDLE="+files[c.bundle])
			if got, ok := strings.CutPrefix(out, "answered 200, then 200"); c.want == "" && (!ok || got != "") {
				t.Errorf("got %s", out)
			}
			if c.want != "" && !strings.Contains(out, c.want) {
				t.Errorf("got %s, want an error of %s", out, c.want)
			}
		})
	}
}

func TestACertificateForAnotherHostIsRefused(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	certificate, ca := certify(t)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	server.StartTLS()
	defer server.Close()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	out := helper(t, strings.Replace(server.URL, "127.0.0.1", "localhost", 1), "AWS_CA_BUNDLE="+file)
	if !strings.Contains(out, "localhost") {
		t.Errorf("got %s", out)
	}
}

func TestASilentServerTimesOut(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if conn, err := new(connector).dial(ctx, "tcp", l.Addr().String()); err == nil || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, %v", conn, err)
	}
}

// helper calls the address twice from another process with the environment, and returns the
// output of that process.
func helper(t *testing.T, url string, env ...string) string {
	t.Helper()
	cmd := command(t, url)
	cmd.Env = append(append(os.Environ(), "AWS_CA_BUNDLE="), env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func certify(t *testing.T) (tls.Certificate, []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: rand.Text()}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestMain(m *testing.M) {
	url := os.Getenv("AWSENV_TEST_CALL")
	if url == "" {
		os.Exit(m.Run())
	}
	client := HTTPClient(time.Second)
	call := func() string {
		r, err := http.NewRequest("GET", url, nil)
		if err != nil {
			return err.Error()
		}
		r.Close = true // so that the next one connects again
		response, err := client.Do(r)
		if err != nil {
			return err.Error()
		}
		response.Body.Close()
		return response.Status[:3]
	}
	os.Stdout.WriteString("answered " + call() + ", then " + call())
	os.Exit(0)
}

func command(t *testing.T, url string) *exec.Cmd {
	t.Helper()
	t.Setenv("AWSENV_TEST_CALL", url)
	return exec.Command(os.Args[0])
}
