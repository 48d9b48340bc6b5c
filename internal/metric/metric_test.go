package metric

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"
)

// This test checks the rules of the format that this package could break.
func TestLinesKeepTheEmbeddedMetricFormat(t *testing.T) {
	var buffer bytes.Buffer
	SetOutput(&buffer, "Cafe/test", "7")
	defer SetOutput(nil, "", "")
	before := time.Now().UnixMilli()
	Emit([]Figure{{"Orders", 1, Count}, {"Revenue", 780, None}})
	Emit([]Figure{{"Refusals", 1, Count}}, Dimension{"Reason", "out-of-stock"})
	Fault()
	lines := strings.Split(strings.TrimSuffix(buffer.String(), "\n"), "\n")
	if len(lines) != 3 {
		t.Fatalf("%d lines: %s", len(lines), buffer.String())
	}
	for _, line := range lines {
		var root map[string]json.RawMessage
		var meta struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		}
		if err := json.Unmarshal([]byte(line), &root); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(root["_aws"], &meta); err != nil {
			t.Fatal(err)
		}
		if meta.Timestamp < before || meta.Timestamp > time.Now().UnixMilli() {
			t.Errorf("timestamp %d is not in milliseconds", meta.Timestamp)
		}
		for _, d := range meta.CloudWatchMetrics {
			if d.Namespace != "Cafe/test" || len(d.Metrics) == 0 || len(d.Metrics) > 100 || len(d.Dimensions) == 0 {
				t.Errorf("directive %+v", d)
			}
			for _, set := range d.Dimensions {
				if set == nil || len(set) > 30 {
					t.Errorf("dimension set %v", set)
				}
				for _, name := range set {
					var value string
					if json.Unmarshal(root[name], &value) != nil || value == "" {
						t.Errorf("dimension %s has no string at the root: %s", name, line)
					}
				}
			}
			for _, m := range d.Metrics {
				var value float64
				if json.Unmarshal(root[m.Name], &value) != nil || !slices.Contains([]string{"Count", "Milliseconds", "None"}, m.Unit) {
					t.Errorf("metric %+v has no number at the root: %s", m, line)
				}
			}
		}
	}
	if !strings.Contains(lines[1], `"Reason":"out-of-stock"`) || !strings.Contains(lines[0], `"Revenue":780`) ||
		!strings.Contains(lines[2], `"Faults":1`) || !strings.Contains(lines[2], `"FunctionVersion":"7"`) {
		t.Errorf("%s", buffer.String())
	}
}

func TestNothingIsWrittenBeforeSetOutput(t *testing.T) {
	SetOutput(nil, "", "")
	Emit([]Figure{{"Orders", 1, Count}}) // must not panic
	Fault()
}

func TestWithoutAVersionNoFaultIsCounted(t *testing.T) {
	var buffer bytes.Buffer
	SetOutput(&buffer, "Cafe/test", "")
	defer SetOutput(nil, "", "")
	if Fault(); buffer.Len() > 0 { // CloudWatch takes no empty dimension
		t.Errorf("wrote %s", buffer.String())
	}
}
