package auth

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"cafe/internal/durable/durabletest"
	"cafe/model"
)

func openIssuer(t testing.TB, folder string) *Issuer {
	t.Helper()
	i, err := OpenIssuer(folder)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestALocalTokenIsGoodUntilItExpires(t *testing.T) {
	i := openIssuer(t, filepath.Join(t.TempDir(), "data"))
	now := noon
	i.now = func() time.Time { return now }
	v, err := i.Verifier()
	if err != nil {
		t.Fatal(err)
	}
	token, err := i.Issue(model.RoleStaff, "bob", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	want := Identity{Subject: "bob", Role: model.RoleStaff, Expires: noon.Add(time.Hour)}
	if got, err := v.Verify(t.Context(), token); err != nil || got != want {
		t.Errorf("got %+v, %v", got, err)
	}
	now = noon.Add(time.Hour)
	if _, err := v.Verify(t.Context(), token); !errors.Is(err, Expired) {
		t.Errorf("an hour later: %v", err)
	}
}

func TestTheSecretIsStableAndPrivate(t *testing.T) {
	folder := t.TempDir()
	first := openIssuer(t, folder)
	token, err := first.Issue(model.RoleOwner, "olga", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	v, err := openIssuer(t, folder).Verifier()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Errorf("after opening again: %v", err)
	}
	elsewhere, err := openIssuer(t, t.TempDir()).Verifier()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := elsewhere.Verify(t.Context(), token); !errors.Is(err, BadSignature) {
		t.Errorf("at another café: %v", err)
	}

	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 {
		t.Fatalf("files in the folder: %v, %v", files, err)
	}
	path := filepath.Join(folder, files[0].Name())
	if runtime.GOOS != "windows" {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenIssuer(folder); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("a secret for all to read: %v", err)
		}
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("cafe\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenIssuer(folder); err == nil || strings.Contains(err.Error(), "cafe\n") {
		t.Errorf("a secret of two bytes: %v", err)
	}
}

func TestProcessesThatStartAtOnceShareOneSecret(t *testing.T) {
	folder := t.TempDir()
	secrets := make([]string, 16)
	var wg sync.WaitGroup
	for n := range secrets {
		wg.Go(func() {
			if i, err := OpenIssuer(folder); err != nil {
				t.Error(err)
			} else {
				secrets[n] = string(i.secret)
			}
		})
	}
	wg.Wait()
	for _, s := range secrets {
		if s != secrets[0] {
			t.Fatal("two of them differ")
		}
	}
}

func TestTheSecretOutlivesAPowerCut(t *testing.T) {
	disk, parent := durabletest.Watch(t), t.TempDir()
	first := openIssuer(t, filepath.Join(parent, "cafe", "data"))
	left := filepath.Join(disk.PowerCut(parent), "cafe", "data")
	if again, err := ReadIssuer(left); err != nil || string(again.secret) != string(first.secret) {
		t.Errorf("another secret, or none: %v", err)
	}
	refused := errors.New("the disk refuses")
	disk.Refuse(func(string) error { return refused })
	if _, err := OpenIssuer(t.TempDir()); !errors.Is(err, refused) {
		t.Errorf("a secret that is not on disk: %v", err)
	}
}

func TestReadSecretCreatesNothing(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "data")
	if _, err := ReadIssuer(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("where there is none: %v", err)
	}
	if _, err := os.Stat(folder); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder: %v", err)
	}
	made := openIssuer(t, folder)
	if read, err := ReadIssuer(folder); err != nil || string(read.secret) != string(made.secret) {
		t.Errorf("where there is one: %v", err)
	}
}

func TestBadTokensAreNotIssued(t *testing.T) {
	i := openIssuer(t, t.TempDir())
	for name, issue := range map[string]func() (string, error){
		"no role":      func() (string, error) { return i.Issue("", "bob", time.Hour) },
		"unknown role": func() (string, error) { return i.Issue("admin", "bob", time.Hour) },
		"no subject":   func() (string, error) { return i.Issue(model.RoleStaff, "", time.Hour) },
		"a path":       func() (string, error) { return i.Issue(model.RoleStaff, "../bob", time.Hour) },
		"walk-in":      func() (string, error) { return i.Issue(model.RoleCustomer, model.WalkIn, time.Hour) },
		"no time":      func() (string, error) { return i.Issue(model.RoleStaff, "bob", 0) },
		"less than no": func() (string, error) { return i.Issue(model.RoleStaff, "bob", -time.Hour) },
	} {
		if token, err := issue(); err == nil || token != "" {
			t.Errorf("%s: issued", name)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	pairs := keyPairs()
	hs := newVerifier(b)
	rs, _ := newKeyServer(b, map[string]any{"rsa": pairs.rsa.Public(), "ec": pairs.p256.Public()})
	for _, c := range []struct {
		name  string
		v     *Verifier
		token string
	}{
		{"HS256", hs, token(hs256, alice.String())},
		{"RS256", rs, tokenRS(pairs.rsa, `{"alg":"RS256","kid":"rsa"}`, alice.String())},
		{"ES256", rs, tokenES(pairs.p256, `{"alg":"ES256","kid":"ec"}`, alice.String())},
	} {
		for name, verify := range map[string]func(context.Context, string) (Identity, error){
			"first": c.v.verify, "again": c.v.Verify,
		} {
			b.Run(c.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := verify(b.Context(), c.token); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
