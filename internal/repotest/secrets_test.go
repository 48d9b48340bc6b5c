package repotest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// looksLike are what credentials look like, with an example of each that is no
// credential. The examples are put together here, so that this file holds none.
var looksLike = []struct {
	what    string
	pattern *regexp.Regexp
	example string
	text    bool // in files of text only: what it matches is no surprise in a program
}{
	{"an AWS access key", regexp.MustCompile(`AKIA[A-Z0-9]{16}`), "AK" + "IAIOSFODNN7EXAMPLE", false},
	{"a passing AWS access key", regexp.MustCompile(`ASIA[A-Z0-9]{16}`), "AS" + "IAIOSFODNN7EXAMPLE", false},
	{"a private key", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=]{20}`), "-----BEGIN EC " + "PRIVATE KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtL", false},
	{"a signed token", regexp.MustCompile(`eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{20,}`), "ey" + "JhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.DxF7qvi-DskBRYUp9PWe8PnvdmuzcqtaZX_z6ykpChU", false},
	{"a token of GitHub's", regexp.MustCompile(`ghp_[A-Za-z0-9]{36}`), "gh" + "p_" + strings.Repeat("a1B2", 9), false},
	{"a token of GitHub's", regexp.MustCompile(`github_pat_[A-Za-z0-9_]{60}`), "github" + "_pat_" + strings.Repeat("a1B2", 15), false},
	{"a key of Google's", regexp.MustCompile(`AIza[A-Za-z0-9_-]{35}`), "AI" + "za" + strings.Repeat("a1B2_", 7), false},
	{"a value that is called a secret", regexp.MustCompile(`(?i)(secret|passwo?r?d|token|api_?key|credential)[a-z_]*["']?\s*(:=|[:=])\s*["'][A-Za-z0-9+/=_.-]{16,}["']`), `CLIENT_SEC` + `RET: "wJalrXUtnFEMI/K7MDENG"`, true},
	{"a variable that is called a secret", regexp.MustCompile(`[A-Z_]*(SECRET|PASSWORD|TOKEN|API_KEY)[A-Z_]*=[A-Za-z0-9+/=_.-]{16,}`), `export DB_PASS` + `WORD=wJalrXUtnFEMI/K7MDENG`, true},
}

// known tells whether a find is known to be no secret: development's own, which say so,
// the tokens that the fuzzing of the verifier starts from, whose key stands in its test, and
// the sample token, whose key stands in local.env.json.
func known(file, found string) bool {
	return strings.Contains(found, "not-a-secret") || strings.HasPrefix(file, "internal/auth/testdata/fuzz/") || file == "events/authorize.json"
}

func TestNoFileHoldsACredential(t *testing.T) {
	for _, l := range looksLike {
		if !l.pattern.MatchString(l.example) {
			t.Errorf("%s is not told: %s", l.what, l.example)
		}
	}
	out, err := exec.Command("git", "ls-files", "-z").Output()
	if err != nil {
		t.Skipf("SKIPPED: which files belong to the tree is not known here: git ls-files: %v", err)
	}
	files := strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00")
	if len(files) < 100 {
		t.Fatalf("%d files cannot be all", len(files))
	}
	development := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed, and not committed yet
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range looksLike {
			for _, found := range l.pattern.FindAllString(string(content), -1) {
				if !known(file, found) {
					t.Errorf("%s has what looks like %s: %.60q", file, l.what, found)
				} else if file == "local.env.json" {
					development++
				}
			}
		}
	}
	if development != 2 {
		t.Errorf("local.env.json has %d secrets for development, want 2: is the search good?", development)
	}
}

// lambdaTags are those that the Makefile builds functions with.
func lambdaTags(t *testing.T) string {
	t.Helper()
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	tags := regexp.MustCompile(`(?m)^TAGS = (\S+)$`).FindSubmatch(makefile)
	if tags == nil {
		t.Fatal("the Makefile has no TAGS")
	}
	return string(tags[1])
}

// commands are the programs under cmd: the functions, and cafe.
func commands(t *testing.T) (names []string) {
	t.Helper()
	entries, err := os.ReadDir("cmd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if len(names) < 7 || !slices.Contains(names, "cafe") {
		t.Fatalf("commands %v cannot be all", names)
	}
	return names
}

func TestNoProgramLinksWhatIsForTestsOrDebugging(t *testing.T) {
	nowhere := []string{
		"net/http/pprof", "golang.org/x/net/trace", "testing", "net/http/httptest", "pgregory.net/rapid",
		"cafe/internal/table/tabletest", "cafe/internal/cafetest", "cafe/internal/table/dynamo/dynamotest",
	}
	// The embedded store brings expvar and runtime/pprof along: that the command serves
	// nothing of it is a test of the command's.
	notInLambda := []string{"expvar", "runtime/pprof", "github.com/cockroachdb/pebble/v2", "cafe/internal/table/pebble", "cafe/internal/local", "cafe/internal/notify/folder", "cafe/internal/objects/folder"}
	for _, name := range commands(t) {
		out, err := exec.Command("go", "list", "-deps", "-tags", lambdaTags(t), "./cmd/"+name).CombinedOutput()
		if err != nil {
			t.Fatalf("go list: %v\n%s", err, out)
		}
		linked := strings.Fields(string(out))
		if !slices.Contains(linked, "cafe/model") {
			t.Errorf("%s does not link the model: is the list good?", name)
		}
		never := nowhere
		if name != "cafe" {
			never = append(slices.Clone(nowhere), notInLambda...)
		}
		for _, p := range never {
			if slices.Contains(linked, p) {
				t.Errorf("%s links %s", name, p)
			}
		}
	}
}

// most is how big a function's program may be: it is read at every cold start.
const most = 10 << 20

// executor is in a program that can run templates. They call methods by name, so that the
// linker keeps every exported method of the program.
const executor = "text/template.(*state).walk"

// As the Makefile builds them, the functions are small and hold neither credentials nor
// where they were built, and nor does the command.
func TestProgramsAreSmallAndHoldNoCredentialsNorWhereTheyWereBuilt(t *testing.T) {
	if os.Getenv("CAFE_BUILD") == "" {
		t.Skip("SKIPPED: building seven programs takes minutes: CAFE_BUILD=1 go test -run Programs .")
	}
	if _, err := exec.LookPath("make"); err != nil {
		t.Skipf("SKIPPED: programs are built with make: %v", err)
	}
	out, err := exec.Command("go", "env", "GOROOT", "GOMODCACHE", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	places := append(strings.Fields(string(out)), here)
	architecture := map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH] // as the Makefile calls it
	dir := t.TempDir()
	for _, name := range commands(t) {
		program := filepath.Join(dir, name, "bootstrap")
		build := exec.Command("make", "build-"+strings.ToUpper(name[:1])+name[1:]+"Function", "ARTIFACTS_DIR="+filepath.Dir(program), "ARCHITECTURE="+architecture)
		if err := os.Mkdir(filepath.Dir(program), 0o700); err != nil {
			t.Fatal(err)
		}
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%v: %v\n%s", build.Args, err, out)
		}
		content, err := os.ReadFile(program)
		if err != nil {
			t.Fatal(err)
		}
		if name != "cafe" {
			t.Logf("%-10s %5.2f MiB for %s", name, float64(len(content))/(1<<20), architecture)
			if len(content) > most {
				t.Errorf("%s has %d bytes, %d more than it may", name, len(content), len(content)-most)
			}
			if bytes.Contains(content, []byte(executor)) {
				t.Errorf("%s links text/template's executor: go list -deps tells what may use it", name)
			}
		}
		for _, place := range places {
			if bytes.Contains(content, []byte(place)) {
				t.Errorf("%s tells where it was built: %s", name, place)
			}
		}
		if bytes.Contains(content, []byte("not-a-secret")) {
			t.Errorf("%s has a secret of development", name)
		}
		for _, l := range looksLike {
			if l.text {
				continue
			}
			if found := l.pattern.Find(content); found != nil {
				t.Errorf("%s has what looks like %s: %.60q", name, l.what, found)
			}
		}
	}
}
