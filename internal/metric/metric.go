// Package metric writes metrics in CloudWatch's embedded metric format. These are lines of
// JSON in the log, and CloudWatch Logs turns them into metrics without a call (CloudWatch
// User Guide, "Specification: Embedded metric format"). Nothing is written before SetOutput
// is called, so outside Lambda there is no output.
//
// Metrics contain no personal data. A dimension has only a few possible values.
package metric

import (
	"encoding/json"
	"io"
	"sync/atomic"
	"time"
)

// Unit is a unit of a metric, as CloudWatch names it.
type Unit string

// The units that the café uses.
const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
	None         Unit = "None" // for money in minor units
)

// Figure is a value of a metric.
type Figure struct {
	Name  string
	Value int64
	Unit  Unit
}

// Dimension is a dimension of a metric. Metrics of the same name with different dimensions
// are counted separately.
type Dimension struct{ Name, Value string }

type output struct {
	io.Writer
	namespace, version string
}

var out atomic.Pointer[output]

// SetOutput makes Emit and Fault write to w, under the namespace in CloudWatch. The version
// is that of the function. If w is nil, they write nothing.
func SetOutput(w io.Writer, namespace, version string) {
	if w == nil {
		out.Store(nil)
		return
	}
	out.Store(&output{w, namespace, version})
}

// Fault counts an answer of 500 or more by the version of the function that gave it. While a
// new version gets a part of the requests, an alarm watches its faults alone (template.yaml).
// A function without a version counts none.
func Fault() {
	if w := out.Load(); w != nil && w.version != "" {
		Emit([]Figure{{"Faults", 1, Count}}, Dimension{"FunctionVersion", w.version})
	}
}

// Emit writes the figures as one line with the current time and the dimensions. It ignores
// errors, since a metric is not worth failing a request.
func Emit(figures []Figure, dimensions ...Dimension) {
	w := out.Load()
	if w == nil {
		return
	}
	line, err := line(time.Now(), w.namespace, figures, dimensions)
	if err != nil {
		return
	}
	_, _ = w.Write(line)
}

type definition struct {
	Name string `json:"Name"`
	Unit Unit   `json:"Unit"`
}

type directive struct {
	Namespace  string       `json:"Namespace"`
	Dimensions [][]string   `json:"Dimensions"`
	Metrics    []definition `json:"Metrics"`
}

type metadata struct {
	Timestamp         int64       `json:"Timestamp"` // milliseconds since 1970
	CloudWatchMetrics []directive `json:"CloudWatchMetrics"`
}

func line(at time.Time, namespace string, figures []Figure, dimensions []Dimension) ([]byte, error) {
	root := map[string]any{}
	d := directive{Namespace: namespace, Dimensions: [][]string{{}}}
	for _, dimension := range dimensions {
		root[dimension.Name] = dimension.Value
		d.Dimensions[0] = append(d.Dimensions[0], dimension.Name)
	}
	for _, f := range figures {
		root[f.Name] = f.Value
		d.Metrics = append(d.Metrics, definition{f.Name, f.Unit})
	}
	root["_aws"] = metadata{at.UnixMilli(), []directive{d}}
	b, err := json.Marshal(root)
	return append(b, '\n'), err
}
