package stack_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cafe/handlers/authorizer"
	"cafe/internal/auth"
	"cafe/internal/outbox"

	"github.com/aws/aws-lambda-go/events"
)

// samples are the files in events/ and their types. The name of a file begins with the name
// of its function.
var samples = map[string]func() any{
	"api-place-order.json":       func() any { return new(events.APIGatewayProxyRequest) },
	"api-menu-item.json":         func() any { return new(events.APIGatewayProxyRequest) },
	"authorize.json":             func() any { return new(events.APIGatewayCustomAuthorizerRequestTypeRequest) },
	"ledger-order-placed.json":   func() any { return new(events.DynamoDBEvent) },
	"ledger-order-amended.json":  func() any { return new(events.DynamoDBEvent) },
	"ledger-payment.json":        func() any { return new(events.DynamoDBEvent) },
	"ledger-stock-sold-out.json": func() any { return new(events.DynamoDBEvent) },
	"notifier-high-balance.json": func() any { return new(events.DynamoDBEvent) },
	"notifier-out-of-stock.json": func() any { return new(events.DynamoDBEvent) },
	"notifier-sweep.json":        func() any { return new(struct{ Sweep bool }) },
	"importer-upload.json":       func() any { return new(events.S3Event) },
	"deliverer-sweep.json":       func() any { return new(struct{ Sweep bool }) },
	"deliverer-wake-up.json":     func() any { return new(events.SQSEvent) },
	"importer-test-event.json":   func() any { return new(events.S3TestEvent) },
	"importer-redrive.json":      func() any { return new(struct{ Redrive bool }) },
	"reporter-extract.json":      func() any { return new(step) },
	"reporter-analyse.json":      func() any { return new(step) },
	"reporter-publish.json":      func() any { return new(step) },
	"reporter-reconcile.json":    func() any { return new(step) },
}

// step is the event that the state machine gives the reporter.
type step struct {
	Step, Day, At string
	Revision      int64
}

func TestEverySampleEventIsDecodedWhole(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "events", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		kind := samples[name]
		if kind == nil {
			t.Errorf("no test reads events/%s", name)
			continue
		}
		event := kind()
		in := json.NewDecoder(bytes.NewReader(read(t, "events/"+name)))
		switch event.(type) {
		case *events.APIGatewayProxyRequest, *events.APIGatewayCustomAuthorizerRequestTypeRequest, *events.S3Event, *events.S3TestEvent:
			// AWS sends more members than these types have.
		default:
			in.DisallowUnknownFields()
		}
		if err := in.Decode(event); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(files) != len(samples) {
		t.Errorf("%d files, want %d", len(files), len(samples))
	}
}

func sample[T any](t *testing.T, name string) (event T) {
	t.Helper()
	if err := json.Unmarshal(read(t, "events/"+name), &event); err != nil {
		t.Fatal(err)
	}
	return event
}

func TestSampleStreamEventsPassTheirFilter(t *testing.T) {
	p := with(t)
	for name := range samples {
		function := map[string]string{"ledger": "LedgerFunction", "notifier": "NotifierFunction"}[strings.Split(name, "-")[0]]
		if function == "" || name == "notifier-sweep.json" {
			continue
		}
		event := sample[events.DynamoDBEvent](t, name)
		if len(event.Records) == 0 {
			t.Errorf("%s has no record", name)
		}
		f := filtersOf(t, p, function)
		for _, r := range event.Records {
			pk := r.Change.Keys["pk"].String()
			if !f.lets(r.EventName, pk) || r.Change.SequenceNumber == "" || r.Change.NewImage["pk"].String() != pk {
				t.Errorf("%s: %s of %s does not reach %s", name, r.EventName, pk, function)
			}
		}
	}
}

func TestTheSampleUploadTriggersTheImporter(t *testing.T) {
	event := sample[events.S3Event](t, "importer-upload.json")
	rule := at(list(at(list(with(t).one("Bucket").at("NotificationConfiguration", "LambdaConfigurations"))[0], "Filter", "S3Key", "Rules"))[0], "Value")
	for _, r := range event.Records {
		if !strings.HasPrefix(r.S3.Object.Key, text(rule)) {
			t.Errorf("%s is not under %s", r.S3.Object.Key, text(rule))
		}
		if !strings.Contains(r.S3.Object.Key, "%2B") || !strings.Contains(r.S3.Object.Key, "+") {
			t.Errorf("the key %s is not encoded like keys with spaces and signs in real events", r.S3.Object.Key)
		}
	}
	if e := sample[events.S3TestEvent](t, "importer-test-event.json"); e.Event != "s3:TestEvent" {
		t.Errorf("test event %+v", e)
	}
}

func TestTheSampleOrderUsesAnExistingRoute(t *testing.T) {
	gateway := routes(t, with(t))
	for _, name := range []string{"api-place-order.json", "api-menu-item.json"} {
		e := sample[events.APIGatewayProxyRequest](t, name)
		_, exact := gateway[method{e.HTTPMethod, e.Resource}]
		_, any := gateway[method{"ANY", e.Resource}]
		if !exact && !any {
			t.Errorf("%s: there is no %s %s", name, e.HTTPMethod, e.Resource)
		}
	}
}

// The token of the sample event is signed with the secret in local.env.json. So
// `sam local invoke AuthorizerFunction -e events/authorize.json` lets its caller in.
func TestTheSampleTokenIsGoodForSamLocal(t *testing.T) {
	var local map[string]map[string]string
	if err := json.Unmarshal(read(t, "local.env.json"), &local); err != nil {
		t.Fatal(err)
	}
	verifier, err := auth.FromEnv(func(name string) string { return local["AuthorizerFunction"][name] }, nil)
	if err != nil {
		t.Fatal(err)
	}
	event := sample[events.APIGatewayCustomAuthorizerRequestTypeRequest](t, "authorize.json")
	answer, err := authorizer.Authorize(verifier)(t.Context(), event)
	if err != nil || answer.PrincipalID != "alice" || answer.Context["role"] != "customer" {
		t.Errorf("answered %+v, %v", answer, err)
	}
}

func TestTheScheduleSweepsWithTheSampleEvent(t *testing.T) {
	input := text(with(t).one("SweepSchedule").at("Target", "Input"))
	var want bytes.Buffer
	if err := json.Compact(&want, read(t, "events/notifier-sweep.json")); err != nil {
		t.Fatal(err)
	}
	if input != want.String() {
		t.Errorf("the schedule sends %s, the sample is %s", input, want.String())
	}
}

// machine is the definition of the state machine.
func machine(t *testing.T) (states object, start string) {
	t.Helper()
	var m struct {
		StartAt        string
		TimeoutSeconds int
		States         object
	}
	if err := json.Unmarshal(read(t, "statemachine/report.asl.json"), &m); err != nil {
		t.Fatal(err)
	}
	if m.TimeoutSeconds == 0 {
		t.Error("a report has no time limit")
	}
	return m.States, m.StartAt
}

func TestReportStepsRetryAndCatchFailures(t *testing.T) {
	states, _ := machine(t)
	limit := number(t, with(t).one("ReporterFunction").at("Timeout"))
	steps := 0
	for name, s := range states {
		if at(s, "Type") != "Task" {
			continue
		}
		steps++
		if len(list(at(s, "Retry"))) == 0 {
			t.Errorf("%s is not retried", name)
		}
		caught := false
		for _, c := range list(at(s, "Catch")) {
			caught = caught || slices.Contains(texts(at(c, "ErrorEquals")), "States.ALL")
		}
		if !caught {
			t.Errorf("%s: a failure is not caught", name)
		}
		if strings.HasSuffix(text(at(s, "Resource")), ":lambda:invoke") && number(t, at(s, "TimeoutSeconds")) <= limit {
			t.Errorf("%s gives up before the function's %d s are over", name, limit)
		}
	}
	if steps != 4 {
		t.Errorf("%d steps", steps)
	}
}

// The sample events are those that the state machine sends.
func TestReportStepsMatchTheSampleEvents(t *testing.T) {
	states, _ := machine(t)
	for state, file := range map[string]string{"Extract": "reporter-extract.json", "Analyse": "reporter-analyse.json", "Publish": "reporter-publish.json"} {
		payload := at(states[state], "Parameters", "Payload").(object)
		names := map[string]bool{}
		for name := range payload {
			names[strings.TrimSuffix(name, ".$")] = true
		}
		event := sample[object](t, file)
		for name := range event {
			if !names[name] {
				t.Errorf("%s is not sent %s", state, name)
			}
			delete(names, name)
		}
		if len(names) > 0 || event["step"] != payload["step"] {
			t.Errorf("%s is also sent %v, and step %v", state, slices.Collect(maps.Keys(names)), payload["step"])
		}
	}
}

func TestTheStateMachineHasItsPermissions(t *testing.T) {
	p := with(t)
	substituted := p.one("ReportMachine").at("DefinitionSubstitutions").(object)
	definition := string(read(t, "statemachine/report.asl.json"))
	for name := range substituted {
		if !strings.Contains(definition, "${"+name+"}") {
			t.Errorf("the definition does not use %s", name)
		}
		definition = strings.ReplaceAll(definition, "${"+name+"}", "")
	}
	if strings.Contains(definition, "${") {
		t.Error("a placeholder is not replaced")
	}
	may := map[string]string{}
	for _, s := range granted(p) {
		if s.of == "ReportMachineRole" {
			may[s.actions[0]] = ref(s.resources[0])
		}
	}
	if may["lambda:InvokeFunction"] != "ReporterFunction" || ref(substituted["Reporter"]) != "ReporterFunction" {
		t.Errorf("invokes %v, may %v", substituted["Reporter"], may)
	}
	if may["sns:Publish"] != string(outbox.TopicDailyReport) || ref(substituted["DailyReport"]) != string(outbox.TopicDailyReport) {
		t.Errorf("publishes to %v, may %v", substituted["DailyReport"], may)
	}
}

func TestSamLocalCanSetWhatLocalEnvSets(t *testing.T) {
	p := with(t)
	var local map[string]map[string]string
	if err := json.Unmarshal(read(t, "local.env.json"), &local); err != nil {
		t.Fatal(err)
	}
	for function, variables := range local {
		set := p.one(function).at("Environment", "Variables").(object)
		for name := range variables {
			if _, has := set[name]; !has {
				t.Errorf("%s of %s is not in the template, and sam local leaves it out", name, function)
			}
		}
		for name, v := range set {
			if _, has := variables[name]; !has && strings.HasPrefix(text(v), "{") {
				t.Errorf("only AWS knows %s of %s, and local.env.json does not set it", name, function)
			}
		}
	}
	if len(local) != len(functions(p)) {
		t.Errorf("%d functions", len(local))
	}
}
