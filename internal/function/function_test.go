package function_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// access is the environment that every function needs for AWS and its table. Nothing
// listens at the endpoint.
var access = map[string]string{
	"AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "kanari-of-aws",
	"CAFE_TABLE": "cafe",
}

var topics = map[string]string{
	"HIGH_BALANCE_TOPIC_ARN": "arn:aws:sns:eu-west-2:123456789012:HighBalanceAlert",
	"OUT_OF_STOCK_TOPIC_ARN": "arn:aws:sns:eu-west-2:123456789012:OutOfStock",
	"DAILY_REPORT_TOPIC_ARN": "arn:aws:sns:eu-west-2:123456789012:DailyReport",
}

var queue = map[string]string{"CAFE_WEBHOOKS_QUEUE": "https://sqs.eu-west-2.amazonaws.com/123456789012/webhooks"}

var bucket = map[string]string{"CAFE_BUCKET": "cafe-files"}

// functions are the functions in cmd/, each with the environment that it needs.
var functions = map[string]map[string]string{
	"api":       join(access, bucket, map[string]string{"CAFE_CURSOR_SECRET": "kanari of cursors"}),
	"ledger":    join(access, queue),
	"deliverer": join(access, queue),
	"notifier":  join(access, topics),
	"importer":  join(access, bucket),
	"reporter":  join(access, bucket, topics),
	"authorizer": {
		"CAFE_AUTH_ISSUER": "https://issuer.example.com", "CAFE_AUTH_AUDIENCE": "cafe",
		"CAFE_AUTH_SECRET": "kanari, thirty-two bytes or more of it",
	},
}

// bad has a bad value for each of these variables.
var bad = map[string]string{
	"CAFE_TIME_ZONE": "Mars/Olympus", "CAFE_CURRENCY": "pounds", "CAFE_DAY_CUTOFF": "25:00", "CAFE_REPORT_TIME": "8pm",
	"CAFE_CREDIT_LIMIT": "ten", "CAFE_SHARDS": "0", "CAFE_LOST_SALE_COST": "-1", "CAFE_LEFTOVER_COST": "NaN",
	"CAFE_BAKES": "dawn", "CAFE_CLOSED": "never", "CAFE_HOLIDAYS": "no/such/file.ics",
	"CAFE_DATE_ORDER": "year-first", "CAFE_CURSOR_SECRET": "kanari", "CAFE_AUTH_SECRET": "kanari",
}

func join(all ...map[string]string) map[string]string {
	joined := map[string]string{}
	for _, m := range all {
		maps.Copy(joined, m)
	}
	return joined
}

func TestCase62AnUnconfiguredFunctionRefusesEverythingAndLogsWhyOnce(t *testing.T) {
	folder := built(t)
	for name, whole := range functions {
		misconfigured := map[string][]map[string]string{} // by the variable at fault
		for variable := range whole {
			without := maps.Clone(whole)
			delete(without, variable)
			misconfigured[variable] = append(misconfigured[variable], without)
		}
		for variable, value := range bad {
			if _, own := whole[variable]; own || name != "authorizer" && !strings.HasSuffix(variable, "_SECRET") {
				misconfigured[variable] = append(misconfigured[variable], join(whole, map[string]string{variable: value}))
			}
		}
		for _, variable := range slices.Sorted(maps.Keys(misconfigured)) {
			for _, env := range misconfigured[variable] {
				what := "without"
				if env[variable] != "" {
					what = "with a bad"
				}
				t.Run(name+" "+what+" "+variable, func(t *testing.T) { refuses(t, filepath.Join(folder, name), env, variable) })
			}
		}
		t.Run(name+" without anything", func(t *testing.T) {
			variable := "CAFE_TABLE"
			if name == "authorizer" {
				variable = "CAFE_AUTH_SECRET"
			}
			refuses(t, filepath.Join(folder, name), nil, variable)
		})
	}
}

// refuses fails the test unless the function, in that environment, starts, refuses every
// event so that none is lost, and says why once, naming the variable.
func refuses(t *testing.T, binary string, env map[string]string, variable string) {
	t.Parallel()
	name := filepath.Base(binary)
	answers, log := invoke(t, binary, join(env, map[string]string{"AWS_LAMBDA_FUNCTION_VERSION": "7"}), append(samples(t, name), "{}"))
	// A rollout of such a version is undone by the alarm on its faults.
	if faults := strings.Count(log, `"FunctionVersion":"7"`); name == "api" && faults != len(answers) {
		t.Errorf("%d faults of version 7, and %d answers of 503: %s", faults, len(answers), log)
	}
	for _, a := range answers {
		switch {
		case name == "api":
			wantClosed(t, a)
		case !a.failed:
			t.Errorf("an event counts as done: answered %s", a.body)
		case name == "authorizer":
			// With Unauthorized the gateway would blame the client's token.
			if strings.Contains(string(a.body), "Unauthorized") {
				t.Errorf("answered %s", a.body)
			}
		case !strings.Contains(string(a.body), "not configured: ") || !strings.Contains(string(a.body), variable):
			t.Errorf("the error does not name %s: %s", variable, a.body)
		}
	}
	said := 0
	for line := range strings.Lines(log) {
		var l struct{ Level, Message, Error string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			if !strings.HasPrefix(line, `{"_aws"`) {
				t.Errorf("not a line of the log: %s", line)
			}
			continue
		}
		if l.Level == "ERROR" && strings.Contains(l.Message, "not configured") {
			said++
			if !strings.Contains(l.Error, variable) {
				t.Errorf("the log does not name %s: %s", variable, line)
			}
		}
	}
	if said != 1 {
		t.Errorf("the log says %d times why: %s", said, log)
	}
	if strings.Contains(log, "kanari") || strings.Contains(fmt.Sprint(answers), "kanari") {
		t.Errorf("a secret is told: %s", log)
	}
}

// wantClosed fails the test unless the answer is the API's 503.
func wantClosed(t *testing.T, a answer) {
	t.Helper()
	var response struct {
		StatusCode        int
		MultiValueHeaders http.Header
		Body              string
	}
	var problem struct {
		Type      string
		Status    int
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal(a.body, &response); a.failed || err != nil {
		t.Fatalf("not a response: %s, %v", a.body, err)
	}
	h := response.MultiValueHeaders
	if err := json.Unmarshal([]byte(response.Body), &problem); err != nil {
		t.Fatalf("not a problem: %s, %v", response.Body, err)
	}
	if response.StatusCode != 503 || h.Get("Content-Type") != "application/problem+json" || h.Get("Retry-After") == "" ||
		problem.Type != "/problems/unavailable" || problem.Status != 503 || problem.RequestID == "" || problem.RequestID != h.Get("X-Request-Id") {
		t.Errorf("answered %s", a.body)
	}
}

// This shows that the environment of the other tests is complete.
func TestAConfiguredFunctionStarts(t *testing.T) {
	folder := built(t)
	for name, env := range functions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			event, want := `{"Records":[]}`, ""
			switch name {
			case "api":
				event, want = `{"httpMethod":"GET","path":"/health","requestContext":{"requestId":"r"}}`, `"statusCode":200`
			case "authorizer":
				event, want = samples(t, name)[0], "Unauthorized" // its token is none
			case "reporter":
				event, want = `{"step":"bake","day":"2017-03-18"}`, "there is no step"
			}
			answers, log := invoke(t, filepath.Join(folder, name), env, []string{event})
			if !strings.Contains(string(answers[0].body), want) || strings.Contains(log, "not configured") {
				t.Errorf("answered %s, logged %s", answers[0].body, log)
			}
			if name == "api" || name == "authorizer" || name == "reporter" {
				return
			}
			if answers[0].failed {
				t.Errorf("an event of no records fails: %s", answers[0].body)
			}
		})
	}
}

// API Gateway's access log has a line for each request, so a second one would only cost
// money. The function logs its own only if the level is DEBUG.
func TestLogLevel(t *testing.T) {
	api := filepath.Join(built(t), "api")
	for level, want := range map[string]int{"": 0, "INFO": 0, "DEBUG": 1, "ERROR": 0} {
		lambda := "INFO" // as in the template
		if level == "DEBUG" {
			lambda = "DEBUG"
		}
		answers, log := invoke(t, api, join(functions["api"], map[string]string{"AWS_LAMBDA_LOG_LEVEL": lambda, "CAFE_LOG_LEVEL": level}), []string{
			`{"httpMethod":"GET","path":"/orders/ann","requestContext":{"requestId":"of the gateway"}}`,
		})
		if len(answers) != 1 || !strings.Contains(string(answers[0].body), `"statusCode":401`) {
			t.Fatalf("answered %v", answers)
		}
		lines, metrics := 0, 0
		for line := range strings.Lines(log) {
			var l struct {
				Level, Message, Route, Trace, RequestID string
				Gateways                                string `json:"request_id"`
				Status                                  int
			}
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatalf("%s: not a line of the log: %v", line, err)
			}
			if strings.Contains(line, `"CloudWatchMetrics"`) {
				metrics++
			}
			if l.Message != "request" {
				continue
			}
			lines++
			if l.Level != "DEBUG" || l.Route != "/orders/:id" || l.Status != 401 || l.RequestID != "0" || l.Gateways != "of the gateway" || l.Trace != trace {
				t.Errorf("logged %s", line)
			}
		}
		if lines != want {
			t.Errorf("level %q: %d lines of the request, want %d: %s", level, lines, want, log)
		}
		if metrics == 0 {
			t.Errorf("level %q: no metric: %s", level, log)
		}
	}
}

// built builds every Lambda function in cmd/ and returns the folder. It fails the test if
// one is missing in functions.
func built(t *testing.T) string {
	t.Helper()
	folders, err := os.ReadDir("../../cmd")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	args := []string{"build", "-ldflags=-s -w", "-o", folder + "/"}
	for _, f := range folders {
		if f.Name() == "cafe" {
			continue // the command
		}
		if _, known := functions[f.Name()]; !known {
			t.Errorf("function %s is not tested here", f.Name())
		}
		args = append(args, "cafe/cmd/"+f.Name())
	}
	if out, err := exec.CommandContext(t.Context(), "go", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return folder
}

// samples returns the sample events of the function.
func samples(t *testing.T, function string) (all []string) {
	t.Helper()
	names, err := filepath.Glob("../../events/" + strings.TrimSuffix(function, "r") + "*.json")
	if err != nil || len(names) == 0 {
		t.Fatalf("no events for %s: %v", function, err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(b))
	}
	return all
}

// trace is the id of the events' trace.
const trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=3995c3f42cd8ad8;Sampled=1"

// answer is a function's answer to an event.
type answer struct {
	failed bool // the function reported an error to Lambda
	body   []byte
}

// invoke starts the function as Lambda does and gives it one event after the other, through
// Lambda's runtime API (Lambda Developer Guide, "Using the Lambda runtime API"). It returns
// the answers and the output of the function.
func invoke(t *testing.T, binary string, env map[string]string, events []string) ([]answer, string) {
	t.Helper()
	var answers []answer
	done := make(chan struct{})
	runtime := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, call, _ := strings.Cut(r.URL.Path, "/2018-06-01/runtime/invocation/")
		if call == "next" && len(answers) < len(events) {
			w.Header().Set("Lambda-Runtime-Aws-Request-Id", fmt.Sprint(len(answers)))
			w.Header().Set("Lambda-Runtime-Trace-Id", trace)
			w.Header().Set("Lambda-Runtime-Deadline-Ms", fmt.Sprint(time.Now().Add(30*time.Second).UnixMilli()))
			w.Header().Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-2:123456789012:function:cafe")
			_, _ = io.WriteString(w, events[len(answers)])
			return
		}
		if call == "next" {
			close(done)
			<-r.Context().Done()
			return
		}
		id, what, _ := strings.Cut(call, "/")
		body, err := io.ReadAll(r.Body)
		if err != nil || id != fmt.Sprint(len(answers)) || what != "response" && what != "error" {
			t.Errorf("the function called %s: %v", r.URL.Path, err)
		}
		answers = append(answers, answer{what == "error", body})
		w.WriteHeader(http.StatusAccepted)
	}))
	defer runtime.Close()

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var log bytes.Buffer
	function := exec.CommandContext(ctx, binary)
	function.Stdout, function.Stderr = &log, &log
	function.Env = []string{
		"AWS_LAMBDA_RUNTIME_API=" + strings.TrimPrefix(runtime.URL, "http://"), "AWS_LAMBDA_LOG_FORMAT=JSON",
		"AWS_ENDPOINT_URL=http://127.0.0.1:1",
	}
	for name, value := range env {
		function.Env = append(function.Env, name+"="+value)
	}
	if err := function.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- function.Wait() }()
	select {
	case <-done:
		cancel()
		<-ended
	case err := <-ended:
		t.Fatalf("the function ended after %d events: %v: %s", len(answers), err, log.String())
	}
	return answers, log.String()
}
