package repotest

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayImport says which other rooms of the house each room may use. Arrows run one way: from
// commands to surfaces (api, handlers), from surfaces to use cases, from use cases to records,
// the outbox, the model and the storage seam. The rooms of use cases (cafe, ledger, imports,
// daily) do not use each other; closing uses daily, which knows when a day's ledger has
// everything. A package whose name ends in "test" is for tests.
var mayImport = map[string]string{
	"model":          "",
	"model/books":    "model",
	"model/forecast": "model",
	"model/holidays": "model",
	"model/pricing":  "model",
	"model/report":   "model model/books model/forecast",
	"model/till":     "model model/till/parse model/till/sheet",

	"model/till/parse": "model",
	"model/till/sheet": "",

	"model/forecast/former":   "model model/forecast",
	"model/forecast/backtest": "model model/forecast model/forecast/former",

	"internal/table":               "",
	"internal/table/tabletest":     "internal/table",
	"internal/table/pebble":        "internal/table",
	"internal/table/dynamo":        "internal/table internal/awsenv",
	"internal/table/dynamo/stream": "internal/table internal/table/dynamo internal/awsenv",

	"internal/metric":            "",
	"internal/lambdalog":         "",
	"internal/panics":            "",
	"internal/awsenv":            "",
	"internal/stack":             "",
	"internal/durable":           "internal/durable/internal/fsync",
	"internal/parallel":          "internal/panics",
	"internal/settings":          "model model/till",
	"internal/settings/calendar": "model model/holidays",
	"internal/records":           "internal/table model model/books model/pricing",
	"internal/render":            "model model/books model/report",

	"internal/outbox":          "internal/metric internal/parallel internal/records internal/settings internal/table model",
	"internal/events":          "internal/outbox internal/records internal/table model",
	"internal/cafe":            "internal/outbox internal/parallel internal/records internal/settings internal/table model model/pricing",
	"internal/ledger":          "internal/outbox internal/parallel internal/records internal/settings internal/table model",
	"internal/imports":         "internal/panics internal/parallel internal/records internal/settings internal/table model model/pricing model/till",
	"internal/redrive":         "",
	"internal/deadletters":     "internal/outbox internal/records internal/table model",
	"internal/webhooks":        "internal/deadletters internal/events internal/metric internal/records internal/table model",
	"internal/bus":             "internal/events internal/records internal/table internal/webhooks model",
	"internal/bus/eventbridge": "internal/awsenv internal/bus model",
	"internal/webhooks/post":   "internal/webhooks model",
	"internal/webhooks/sqs":    "internal/awsenv",
	"internal/daily":           "internal/deadletters internal/outbox internal/parallel internal/records internal/render internal/settings internal/table model model/books model/forecast model/pricing model/report",
	"internal/closing":         "internal/daily internal/parallel internal/records internal/render internal/settings internal/table model model/books",
	"internal/house":           "internal/webhooks internal/cafe internal/closing internal/daily internal/deadletters internal/events internal/imports internal/ledger internal/outbox internal/records internal/settings internal/table",

	"internal/durable/internal/fsync": "",

	"internal/auth":               "internal/durable model",
	"internal/notify":             "internal/outbox",
	"internal/notify/sns":         "internal/awsenv internal/notify internal/outbox",
	"internal/notify/folder":      "internal/durable internal/notify internal/outbox model",
	"internal/objects":            "",
	"internal/objects/s3":         "internal/awsenv internal/imports internal/objects model",
	"internal/objects/s3/presign": "internal/awsenv internal/objects",
	"internal/objects/folder":     "internal/durable internal/imports internal/objects model",
	"internal/function":           "internal/lambdalog internal/metric internal/settings internal/table internal/table/dynamo",

	"api/listen":          "internal/events model",
	"api/mend":            "model",
	"api/cors":            "",
	"api/header":          "",
	"api/forms":           "model model/pricing",
	"api/packed":          "",
	"api/rest":            "api/header api/mend internal/cafe internal/closing internal/metric internal/records internal/table internal/webhooks model model/pricing",
	"api":                 "api/rest api/hookjson internal/webhooks api/forms api/header api/listen api/mend api/packed internal/auth internal/cafe internal/closing internal/daily internal/deadletters internal/events internal/house internal/imports internal/ledger internal/metric internal/panics internal/records internal/render internal/table model model/books model/pricing model/till/parse",
	"internal/docspage":   "api api/rest",
	"handlers/authorizer": "internal/auth internal/panics",
	"handlers/importer":   "internal/deadletters internal/imports internal/panics internal/records",
	"handlers/deliverer":  "internal/bus internal/panics internal/webhooks model",
	"api/hookjson":        "internal/deadletters internal/webhooks model",
	"handlers/reporter":   "internal/daily internal/ledger internal/panics model",
	"handlers/proxy":      "api api/rest internal/auth internal/cafe",
	"handlers/stream":     "internal/webhooks internal/deadletters internal/events internal/ledger internal/metric internal/outbox internal/panics internal/records internal/table",

	"internal/local": "internal/webhooks internal/webhooks/post api api/cors api/rest handlers/importer handlers/reporter handlers/stream internal/auth internal/cafe internal/deadletters internal/durable internal/events internal/house internal/imports " +
		"internal/ledger internal/metric internal/notify/folder internal/objects internal/objects/folder internal/outbox internal/panics internal/records internal/table " +
		"internal/table/dynamo internal/table/dynamo/stream internal/table/pebble model",
}

func TestArrowsRunOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports " "}}`, "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), ":")
		if strings.HasPrefix(pkg, "cafe/cmd/") || strings.HasPrefix(pkg, "cafe/tools/") || strings.HasSuffix(pkg, "test") {
			continue
		}
		allowed, known := mayImport[strings.TrimPrefix(pkg, "cafe/")]
		if !known {
			t.Errorf("%s is in no room: say in mayImport what it may import", pkg)
		}
		for imported := range strings.FieldsSeq(imports) {
			switch {
			case strings.HasPrefix(imported, "cafe/") && !slices.Contains(strings.Fields(allowed), strings.TrimPrefix(imported, "cafe/")):
				t.Errorf("%s must not import %s", pkg, imported)
			case strings.HasPrefix(pkg, "cafe/model") && (strings.Contains(imported, "aws") || imported == "net/http" || imported == "os"):
				t.Errorf("%s is pure and must not import %s", pkg, imported)
			case (pkg == "cafe/api" || strings.HasPrefix(pkg, "cafe/handlers/")) && strings.Contains(imported, "aws-sdk-go"):
				t.Errorf("%s must not know an AWS service client: %s", pkg, imported)
			}
		}
	}
}

// Rooms and files are small enough to be read. A longer file says why in its comment, by the
// words "longer than 500 lines".
func TestRoomsAndFilesAreSmall(t *testing.T) {
	lines := map[string]int{} // of a package, without tests
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && (strings.HasPrefix(entry.Name(), ".") || strings.HasPrefix(entry.Name(), "data")):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		b, err := os.ReadFile(path)
		if strings.HasSuffix(filepath.Dir(path), "test") {
			return err // a package for tests
		}
		n := bytes.Count(b, []byte("\n"))
		lines[filepath.Dir(path)] += n
		if n > 500 && !bytes.Contains(b, []byte("longer than 500 lines")) {
			t.Errorf("%s has %d lines, more than 500: split it, or say why in its comment", path, n)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for room, n := range lines {
		if n > 3000 {
			t.Errorf("%s has %d lines, more than 3,000: split it", room, n)
		}
	}
}
