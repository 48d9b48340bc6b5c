package bus

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"cafe/model"
)

// TypePrefix is what types begin with in CloudEvents. The specification wants a prefix that
// says who defines the type (CloudEvents 1.0.2, "type",
// github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md).
const TypePrefix = "cafe."

// CloudEvent returns an event as a CloudEvents 1.0 object in the JSON format
// (github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md). source says
// which café it is of; with it, the id is unique in the world.
//
// version is an extension: the subject's version after the event, as a text. An integer of
// CloudEvents has 32 bits only.
func CloudEvent(e model.Event, source string) string {
	b := []byte(`{"specversion":"1.0"`)
	text := func(name, value string) {
		b = append(b, `,"`+name+`":`...)
		b, _ = jsontext.AppendQuote(b, value) // broken UTF-8 is mended
	}
	text("id", e.ID)
	text("source", source)
	text("type", TypePrefix+string(e.Type))
	text("subject", e.Subject)
	text("time", model.Timestamp(e.At))
	text("version", strconv.FormatInt(e.Version, 10))
	text("datacontenttype", "application/json")
	return string(append(append(append(b, `,"data":`...), e.Data...), '}'))
}
