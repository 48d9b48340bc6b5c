package cafe_test

import (
	"os/exec"
	"strings"
	"testing"
)

// The rooms of the house and which of the others each may use. Arrows run one way:
// commands to surfaces, surfaces to use cases, use cases to the model and the seam. A
// package whose name ends in test is for tests.
var mayImport = map[string][]string{
	"cafe/model":                            {},
	"cafe/model/till":                       {"cafe/model"},
	"cafe/model/pricing":                    {"cafe/model"},
	"cafe/model/forecast":                   {"cafe/model"},
	"cafe/model/forecast/former":            {"cafe/model", "cafe/model/forecast"},
	"cafe/model/forecast/backtest":          {"cafe/model", "cafe/model/forecast", "cafe/model/forecast/former"},
	"cafe/model/holidays":                   {"cafe/model"},
	"cafe/model/report":                     {"cafe/model", "cafe/model/forecast"},
	"cafe/internal/render":                  {"cafe/model", "cafe/model/report"},
	"cafe/internal/table":                   {},
	"cafe/internal/table/tabletest":         {"cafe/internal/table"},
	"cafe/internal/table/pebble":            {"cafe/internal/table"},
	"cafe/internal/metric":                  {},
	"cafe/internal/stack":                   {},
	"cafe/internal/awsenv":                  {},
	"cafe/internal/table/dynamo":            {"cafe/internal/table", "cafe/internal/awsenv"},
	"cafe/internal/table/dynamo/stream":     {"cafe/internal/table", "cafe/internal/table/dynamo", "cafe/internal/awsenv"},
	"cafe/internal/table/dynamo/dynamotest": {"cafe/internal/table", "cafe/internal/table/dynamo"},
	"cafe/internal/cafe":                    {"cafe/internal/metric", "cafe/model", "cafe/model/till", "cafe/model/report", "cafe/internal/render", "cafe/internal/table"},
	"cafe/internal/durable":                 {"cafe/internal/durable/internal/fsync"},
	"cafe/internal/durable/internal/fsync":  {},
	"cafe/internal/auth":                    {"cafe/internal/durable", "cafe/model"},
	"cafe/internal/notify":                  {"cafe/internal/cafe"},
	"cafe/internal/notify/sns":              {"cafe/internal/cafe", "cafe/internal/awsenv", "cafe/internal/notify"},
	"cafe/internal/notify/folder":           {"cafe/internal/cafe", "cafe/internal/durable", "cafe/internal/notify"},
	"cafe/internal/objects":                 {},
	"cafe/internal/objects/s3":              {"cafe/internal/cafe", "cafe/internal/awsenv", "cafe/internal/objects"},
	"cafe/internal/objects/s3/presign":      {"cafe/internal/awsenv", "cafe/internal/objects"},
	"cafe/internal/objects/folder":          {"cafe/internal/cafe", "cafe/internal/durable", "cafe/internal/objects"},
	"cafe/api":                              {"cafe/internal/metric", "cafe/model", "cafe/model/report", "cafe/internal/render", "cafe/internal/cafe", "cafe/internal/table", "cafe/internal/auth"},
	"cafe/internal/docspage":                {"cafe/api"},
	"cafe/internal/function":                {"cafe/internal/metric", "cafe/internal/cafe", "cafe/internal/table", "cafe/internal/table/dynamo"},
	"cafe/handlers":                         {"cafe/internal/metric", "cafe/model", "cafe/internal/cafe", "cafe/internal/table", "cafe/internal/auth"},
	"cafe/internal/local":                   {"cafe/model", "cafe/api", "cafe/handlers", "cafe/internal/auth", "cafe/internal/cafe", "cafe/internal/durable", "cafe/internal/table", "cafe/internal/table/pebble", "cafe/internal/table/dynamo/stream"},
}

func TestArrowsRunOneWay(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}:{{join .Imports " "}}`, "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		pkg, imports, _ := strings.Cut(strings.TrimSpace(line), ":")
		if pkg == "cafe" || strings.HasPrefix(pkg, "cafe/cmd/") || strings.HasPrefix(pkg, "cafe/tools/") || strings.HasSuffix(pkg, "test") {
			continue
		}
		allowed, known := mayImport[pkg]
		if !known {
			t.Errorf("%s is in no room: say in mayImport what it may import", pkg)
		}
		for imported := range strings.FieldsSeq(imports) {
			switch {
			case strings.HasPrefix(imported, "cafe/") && !contains(allowed, imported):
				t.Errorf("%s must not import %s", pkg, imported)
			case strings.HasPrefix(pkg, "cafe/model") && (strings.Contains(imported, "aws") || imported == "net/http" || imported == "os"):
				t.Errorf("%s is pure and must not import %s", pkg, imported)
			case (pkg == "cafe/api" || pkg == "cafe/handlers") && strings.Contains(imported, "aws-sdk-go"):
				t.Errorf("%s must not know an AWS service client: %s", pkg, imported)
			}
		}
	}
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
