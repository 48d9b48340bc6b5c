package cafetest

import (
	"bytes"
	"strings"
	"sync"

	"github.com/pb33f/jsonschema/v6"
	"pgregory.net/rapid"

	"cafe/api"
	"cafe/internal/events"
	"cafe/internal/records"
	"cafe/model"
)

// eventSchemas are the schemas of asyncapi.json, by type of event.
var eventSchemas = sync.OnceValue(func() map[model.EventType]*jsonschema.Schema {
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	var doc map[string]any
	for name, text := range map[string][]byte{"openapi.json": api.OpenAPI(), "asyncapi.json": api.AsyncAPI()} {
		parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err == nil {
			err = c.AddResource("file:///"+name, parsed)
		}
		if err != nil {
			panic(err)
		}
		if name == "asyncapi.json" {
			doc = parsed.(map[string]any)["components"].(map[string]any)["messages"].(map[string]any)
		}
	}
	schemas := map[model.EventType]*jsonschema.Schema{}
	for name, message := range doc {
		schema, err := c.Compile("file:///asyncapi.json#/components/messages/" + name + "/payload")
		if err != nil {
			panic(err)
		}
		schemas[model.EventType(message.(map[string]any)["name"].(string))] = schema
	}
	return schemas
})

// DescribedEvents are the types of events that asyncapi.json describes.
func DescribedEvents() (types []model.EventType) {
	for t := range eventSchemas() {
		types = append(types, t)
	}
	return types
}

// WantDescribed wants that asyncapi.json describes the event as it is, and that an event has no
// more than its schema says.
func WantDescribed(t rapid.TB, e model.Event) {
	t.Helper()
	text := e.AppendJSON(nil)
	schema := eventSchemas()[e.Type]
	if schema == nil {
		t.Fatalf("asyncapi.json does not describe %s", text)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	if strings.Contains(string(text), `"name"`) || strings.Contains(string(text), `"note"`) {
		t.Fatalf("an event tells a name or a note: %s", text)
	}
}

// Events returns the events that the changes are, and wants them as asyncapi.json describes
// them.
func Events(t rapid.TB, changes ...records.Change) (all []events.Entry) {
	t.Helper()
	for _, change := range changes {
		entries, err := events.Of(change)
		if err != nil {
			t.Fatalf("events of %s: %v", change.Key, err)
		}
		for _, e := range entries {
			WantDescribed(t, e.Event)
		}
		all = append(all, entries...)
	}
	return all
}
