package main

import (
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"testing"
)

func TestTheVersionIsThatOfWhatWasBuilt(t *testing.T) {
	revision := []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef"}}
	for want, info := range map[string]*debug.BuildInfo{
		"v1.2.3":       {Main: debug.Module{Version: "v1.2.3"}, Settings: revision},
		"0123456789ab": {Main: debug.Module{Version: "(devel)"}, Settings: revision},
		"devel":        {Main: debug.Module{Version: "(devel)"}},
	} {
		if got := versionIn(info); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, args := range [][]string{{"version"}, {"-version"}, {"--version"}} {
		out, err := run(t, args...).Output()
		if err != nil || strings.TrimSpace(string(out)) != version() {
			t.Errorf("%v: %q, %v", args, out, err)
		}
	}
	s := openShop(t, t.TempDir())
	var health struct{ Version string }
	if s.call("staff", "GET", "/health", nil, &health); health.Version != version() {
		t.Errorf("/health says %q", health.Version)
	}
}

func TestTokensGoToAFileOfTheOwnersWhereNobodyReads(t *testing.T) {
	s := openShop(t, t.TempDir())
	if strings.Contains(s.printed.String(), "Bearer") {
		t.Errorf("printed: %s", s.printed)
	}
	path := filepath.Join(s.data, tokensFile)
	if !strings.Contains(s.printed.String(), path) {
		t.Errorf("printed: %s", s.printed)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm()&0o077 != 0 {
		t.Fatalf("%v %v", info, err)
	}
	lines, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tokens := regexp.MustCompile(`Bearer ([^']+)'`).FindAllStringSubmatch(string(lines), -1)
	if len(tokens) != 4 || strings.Count(string(lines), s.url) != 4 {
		t.Errorf("the file has %s", lines)
	}
	for _, token := range tokens {
		r, err := http.NewRequest("GET", s.url+"/orders", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token[1])
		a, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		if a.Body.Close(); a.StatusCode != 200 {
			t.Errorf("a token of the file is answered %d", a.StatusCode)
		}
	}
}

func TestATakenPortIsSaidAndLeavesNoFolder(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	data := filepath.Join(t.TempDir(), "data")
	out, err := run(t, "serve", "-addr", l.Addr().String(), "-data", data).CombinedOutput()
	var status *exec.ExitError
	if !errors.As(err, &status) || status.ExitCode() != 1 || !strings.Contains(string(out), "is taken: is a café open there already?") {
		t.Errorf("%v: %s", err, out)
	}
	if _, err := os.Stat(data); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is there: %v", err)
	}
}

func TestAForeignFolderIsGuessedFromA401(t *testing.T) {
	s := openShop(t, t.TempDir())
	other := t.TempDir()
	if out, err := run(t, "token", "-role", "owner", "-data", other).Output(); err != nil || strings.Count(string(out), "\n") != 1 {
		t.Fatalf("%q, %v", out, err)
	}
	out, err := run(t, "reconcile", "-url", s.url, "-data", other).CombinedOutput()
	var status *exec.ExitError
	if !errors.As(err, &status) || status.ExitCode() != 1 || !strings.Contains(string(out), other+": is that this café's folder?") {
		t.Errorf("%v: %s", err, out)
	}
	given := run(t, "reconcile", "-url", s.url, "-data", other, "-token", "x.y.z")
	if out, err := given.CombinedOutput(); err == nil || strings.Contains(string(out), "folder") || !strings.Contains(string(out), "Unauthorized") {
		t.Errorf("with a token of somebody's: %v: %s", err, out)
	}
}

func TestAddressAndFolderComeFromTheEnvironmentToo(t *testing.T) {
	data := filepath.Join(t.TempDir(), "elsewhere")
	t.Setenv("CAFE_DATA", data)
	t.Setenv("CAFE_ADDR", "nowhere")
	out, err := run(t).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "nowhere") {
		t.Errorf("CAFE_ADDR: %v: %s", err, out)
	}
	token, err := run(t, "token", "-role", "staff").Output()
	if err != nil || len(token) < 20 {
		t.Errorf("token: %q, %v", token, err)
	}
	if _, err := os.Stat(filepath.Join(data, "token.key")); err != nil {
		t.Errorf("CAFE_DATA: %v", err)
	}
	help, err := run(t, "serve", "-h").Output()
	for _, word := range []string{"CAFE_ADDR", "CAFE_DATA", "CAFE_TIME_ZONE", "CAFE_THROTTLE_RATE", "CAFE_ORIGIN"} {
		if !strings.Contains(string(help), word) {
			t.Errorf("help without %s: %v", word, err)
		}
	}
}
