// Package metric writes figures in CloudWatch's embedded metric format: lines of JSON
// that CloudWatch Logs turns into metrics without a call (CloudWatch User Guide,
// "Specification: Embedded metric format"). Outside Lambda nothing is written, until
// To says where to.
//
// No figure carries anything about a person: dimensions are of few values.
package metric

import (
	"encoding/json"
	"io"
	"sync/atomic"
	"time"
)

// Unit is a unit of CloudWatch's.
type Unit string

// The units that the café uses.
const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
	None         Unit = "None" // money, in minor units
)

// Figure is one value of one metric.
type Figure struct {
	Name  string
	Value int64
	Unit  Unit
}

// Dimension tells apart metrics of one name.
type Dimension struct{ Name, Value string }

type output struct {
	io.Writer
	namespace string
}

var out atomic.Pointer[output]

// To has figures written to w from now on, a line at a time, to be found in CloudWatch under
// the namespace; nil: nowhere.
func To(w io.Writer, namespace string) {
	if w == nil {
		out.Store(nil)
		return
	}
	out.Store(&output{w, namespace})
}

// Emit writes figures of one moment as one line, under the dimensions of the service and
// those given.
func Emit(figures []Figure, dimensions ...Dimension) {
	w := out.Load()
	if w == nil {
		return
	}
	line, err := line(time.Now(), w.namespace, figures, dimensions)
	if err != nil {
		return // a metric that cannot be written is not worth a request
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
