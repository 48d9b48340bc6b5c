package stack_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"gopkg.in/yaml.v3"

	"cafe/handlers/stream"
	"cafe/internal/auth"
	"cafe/internal/deadletters"
	"cafe/internal/notify"
	"cafe/internal/outbox"
	"cafe/internal/records"
	"cafe/internal/table/dynamo"
)

// folder returns the folder of a function's main package.
func folder(function string) string {
	return "cmd/" + strings.ToLower(strings.TrimSuffix(function, "Function"))
}

func TestEveryFunctionIsAFolderUnderCmd(t *testing.T) {
	p := with(t)
	built := map[string]bool{}
	for _, f := range functions(p) {
		built[folder(f.name)] = true
		if _, err := os.Stat(filepath.Join(root, folder(f.name), "main.go")); err != nil {
			t.Errorf("%s: %v", f.name, err)
		}
		if f.at("FunctionName") != nil {
			t.Errorf("%s has a fixed name, so sam local would not find the authorizer", f.name)
		}
		if at(f.whole, "Metadata", "BuildMethod") != "makefile" || f.at("Runtime") != "provided.al2023" || f.at("Handler") != "bootstrap" {
			t.Errorf("%s is not built or run as in the Makefile", f.name)
		}
	}
	mains, err := filepath.Glob(filepath.Join(root, "cmd", "*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, main := range mains {
		if name := "cmd/" + filepath.Base(filepath.Dir(main)); name != "cmd/cafe" && !built[name] {
			t.Errorf("%s is not deployed", name)
		}
	}
}

// variable matches the name of an environment variable that the café's own code reads.
var variable = regexp.MustCompile(`^(CAFE_[A-Z_]+|[A-Z_]+_ARN)$`)

// reads returns the environment variables whose names appear in the code of a main package
// and of the café's packages that it imports.
func reads(t *testing.T, main string) map[string]bool {
	t.Helper()
	list := exec.Command("go", "list", "-deps", "-f", "{{if .Module}}{{if .Module.Main}}{{.Dir}}{{end}}{{end}}", "./"+main)
	list.Dir = root
	out, err := list.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	names := map[string]bool{}
	for dir := range strings.FieldsSeq(string(out)) {
		if filepath.Base(dir) == "auth" && main != "cmd/authorizer" {
			continue // others of it need Identity only
		}
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(parsed, func(n ast.Node) bool {
				if literal, is := n.(*ast.BasicLit); is && literal.Kind == token.STRING {
					if s, err := strconv.Unquote(literal.Value); err == nil && variable.MatchString(s) {
						names[s] = true
					}
				}
				return true
			})
		}
	}
	return names
}

func TestFunctionsReadExactlyTheVariablesThatAreSet(t *testing.T) {
	p := with(t)
	shared := at(document()["Globals"], "Function", "Environment", "Variables").(object)
	for _, f := range functions(p) {
		t.Run(f.name, func(t *testing.T) {
			set := f.at("Environment", "Variables").(object)
			read := reads(t, folder(f.name))
			for name := range read {
				if _, has := set[name]; !has {
					t.Errorf("%s is read and not set", name)
				}
			}
			for name := range set {
				if _, everybodys := shared[name]; !everybodys && !read[name] {
					t.Errorf("%s is set and not read", name)
				}
			}
		})
	}
	read := reads(t, "cmd/api")
	for name := range shared {
		if strings.HasPrefix(name, "CAFE_") && !read[name] {
			t.Errorf("%s is set for all functions, but even the API does not read it", name)
		}
	}
}

func TestTokensAreVerifiedByExactlyOneOfKeysAndSecret(t *testing.T) {
	for name, want := range map[string]struct{ issuer, audience, jwks, secret string }{
		"as it is": {
			`{"Fn::Sub":"https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}/${UserPool}"}`, `{"Ref":"UserPoolClient"}`,
			`{"Fn::Sub":"https://cognito-idp.${AWS::Region}.${AWS::URLSuffix}/${UserPool}/.well-known/jwks.json"}`, "",
		},
		"oidc":       {"https://issuer.example.com", "cafe", auth.Discover, ""},
		"secret":     {"cafe-local", "cafe", "", `{"Fn::Sub":"{{resolve:secretsmanager:${Secret}:SecretString:::}}"}`},
		"own secret": {"cafe-local", "cafe", "", "{{resolve:secretsmanager:arn:aws:secretsmanager:eu-west-2:123456789012:secret:cafe-AbCdEf:SecretString:::}}"},
	} {
		t.Run(name, func(t *testing.T) {
			p := with(t, all[name]...)
			set := p.one("AuthorizerFunction").at("Environment", "Variables")
			got := struct{ issuer, audience, jwks, secret string }{text(at(set, "CAFE_AUTH_ISSUER")), text(at(set, "CAFE_AUTH_AUDIENCE")), text(at(set, "CAFE_AUTH_JWKS_URL")), text(at(set, "CAFE_AUTH_SECRET"))}
			if got != want {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			_, pool := p.resources["UserPool"]
			_, secret := p.resources["AuthSecret"]
			if pool != (name == "as it is") || secret != (name == "secret") {
				t.Errorf("a user pool exists: %v, a secret exists: %v", pool, secret)
			}
		})
	}
}

// A secret is read again when its version is named.
func TestASecretsVersionCanBeNamed(t *testing.T) {
	const version = "12345678-90ab-cdef-1234-567890abcdef"
	p := with(t, append([]string{"AuthSecretVersion=" + version}, all["own secret"]...)...)
	if got := text(p.one("AuthorizerFunction").at("Environment", "Variables", "CAFE_AUTH_SECRET")); !strings.HasSuffix(got, ":SecretString:::"+version+"}}") {
		t.Errorf("the secret is %s", got)
	}
}

// Lambda takes a line without a level for INFO. So its filter must never be above that:
// metrics and crashes have no level.
func TestNoLogLevelDropsMetrics(t *testing.T) {
	for _, level := range texts(at(document()["Parameters"], "LogLevel", "AllowedValues")) {
		for _, f := range functions(with(t, "LogLevel="+level)) {
			lambda := text(f.at("LoggingConfig", "ApplicationLogLevel"))
			if lambda != "INFO" && lambda != "DEBUG" || level == "DEBUG" && lambda != "DEBUG" {
				t.Errorf("LogLevel=%s: Lambda passes lines of %s from %s up", level, f.name, lambda)
			}
			if got := f.at("Environment", "Variables", "CAFE_LOG_LEVEL"); got != level {
				t.Errorf("LogLevel=%s: %s is told %v", level, f.name, got)
			}
		}
	}
}

func TestTheTableMatchesTheSchema(t *testing.T) {
	schema := dynamo.Schema("cafe")
	table := with(t).one("Table")
	keys := func(schema []types.KeySchemaElement) (s []string) {
		for _, k := range schema {
			s = append(s, fmt.Sprintf(`{"AttributeName":%q,"KeyType":%q}`, *k.AttributeName, k.KeyType))
		}
		return s
	}
	if got, want := texts(table.at("KeySchema")), keys(schema.KeySchema); !slices.Equal(got, want) {
		t.Errorf("keys %v, want %v", got, want)
	}
	indexes := map[string]any{}
	for _, i := range list(table.at("GlobalSecondaryIndexes")) {
		indexes[text(at(i, "IndexName"))] = i
	}
	for _, want := range schema.GlobalSecondaryIndexes {
		got := indexes[*want.IndexName]
		if !slices.Equal(texts(at(got, "KeySchema")), keys(want.KeySchema)) || at(got, "Projection", "ProjectionType") != string(want.Projection.ProjectionType) {
			t.Errorf("index %s: %s", *want.IndexName, text(got))
		}
		delete(indexes, *want.IndexName)
	}
	if len(indexes) > 0 {
		t.Errorf("more indexes: %v", indexes)
	}
	attributes := map[string]string{}
	for _, a := range list(table.at("AttributeDefinitions")) {
		attributes[text(at(a, "AttributeName"))] = text(at(a, "AttributeType"))
	}
	want := map[string]string{}
	for _, a := range schema.AttributeDefinitions {
		want[*a.AttributeName] = string(a.AttributeType)
	}
	if !maps.Equal(attributes, want) {
		t.Errorf("attributes %v, want %v", attributes, want)
	}
	if table.at("BillingMode") != string(schema.BillingMode) || table.at("StreamSpecification", "StreamViewType") != string(schema.StreamSpecification.StreamViewType) {
		t.Errorf("billing %v, stream %v", table.at("BillingMode"), table.at("StreamSpecification"))
	}
}

// A stack that takes over a restored table begins with docs/restored-table.yaml. Its table must
// be the template's, or the next deployment would replace it by an empty one.
func TestARestoredTableIsTheTemplatesTable(t *testing.T) {
	var file yaml.Node
	if err := yaml.Unmarshal(read(t, "docs/restored-table.yaml"), &file); err != nil {
		t.Fatal(err)
	}
	begins := value(file.Content[0]).(object)["Resources"].(object)
	restored := begins["Table"].(object)["Properties"].(object)
	if len(begins) != 1 || text(restored["TableName"]) != `{"Ref":"Name"}` {
		t.Errorf("it has %d resources, and a table called %s", len(begins), text(restored["TableName"]))
	}
	table := with(t, "RestoredTable=cafe-restored").one("Table")
	if table.at("TableName") != "cafe-restored" || with(t).one("Table").at("TableName") != nil {
		t.Errorf("the tables are called %v and %v", table.at("TableName"), with(t).one("Table").at("TableName"))
	}
	for _, name := range []string{"BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes"} {
		if got, want := text(restored[name]), text(table.at(name)); got != want {
			t.Errorf("%s is %s, in the template %s", name, got, want)
		}
	}
	runbook := string(read(t, "docs/runbook.md"))
	for _, i := range list(table.at("GlobalSecondaryIndexes")) {
		if !strings.Contains(runbook, "IndexName="+text(at(i, "IndexName"))) {
			t.Errorf("the import in docs/runbook.md makes no index %s", text(at(i, "IndexName")))
		}
	}
}

// Each kind of item of the table is in one of these partitions.
var partitions = []string{"O#a", "P#a", "S#latte", "C#alice", "L#2017-03-18#0", "A#a", "I#a", "R#2017-03-18", "K", "E", "N", "D", "M", "A", "O", ""}

func TestStreamFiltersPassWhatHandlersNeed(t *testing.T) {
	p := with(t)
	wants := map[string]func(pk string) bool{"LedgerFunction": stream.LedgerWants, "NotifierFunction": outbox.Wants}
	for name, wanted := range wants {
		f := filtersOf(t, p, name)
		for _, pk := range partitions {
			if got := f.lets("INSERT", pk); got != wanted(pk) {
				t.Errorf("%s: an item in %q passes: %v", name, pk, got)
			}
			// An item of the menu that goes is an event; other items only expire.
			if f.lets("REMOVE", pk) != (name == "LedgerFunction" && pk == records.PartitionMenu) {
				t.Errorf("%s: a removed item in %q passes: %v", name, pk, f.lets("REMOVE", pk))
			}
		}
		// Its own dead letters, when they are sent again.
		own := strings.ToLower(strings.TrimSuffix(name, "Function"))
		for _, pk := range []string{"X#stream-ledger-1", "X#stream-notifier-1", "X#upload-a", "X#webhook-a"} {
			if want := deadletters.Wants(own)(pk); f.lets("MODIFY", pk) != want || f.lets("REMOVE", pk) {
				t.Errorf("%s: a changed dead letter %s passes: %v", name, pk, !want)
			}
		}
		if got := f.lets("MODIFY", "O#a"); got != (name == "LedgerFunction") {
			t.Errorf("%s: a changed order passes: %v", name, got)
		}
	}
}

// filter is an event filter in the form that the template uses: event names, and prefixes of
// the partition key.
type filter struct {
	EventName []string
	Dynamodb  struct {
		Keys struct {
			PK struct{ S []struct{ Prefix string } }
		}
	}
}

// filters lets through what one of them lets through.
type filters []filter

// filtersOf returns the filters of a function's event source mapping.
func filtersOf(t *testing.T, p template, function string) (all filters) {
	t.Helper()
	for _, f := range list(p.one(function).at("Events", "Stream", "Properties", "FilterCriteria", "Filters")) {
		all = append(all, pattern(t, at(f, "Pattern")))
	}
	return all
}

func (fs filters) lets(event, pk string) bool {
	return slices.ContainsFunc(fs, func(f filter) bool { return f.lets(event, pk) })
}

func pattern(t *testing.T, v any) (f filter) {
	t.Helper()
	in := json.NewDecoder(strings.NewReader(text(v)))
	in.DisallowUnknownFields()
	if err := in.Decode(&f); err != nil {
		t.Fatalf("filter %s: %v", text(v), err)
	}
	return f
}

func (f filter) lets(event, pk string) bool {
	for _, s := range f.Dynamodb.Keys.PK.S {
		if strings.HasPrefix(pk, s.Prefix) {
			return slices.Contains(f.EventName, event)
		}
	}
	return false
}

func TestSubscriptionsMatchTheCode(t *testing.T) {
	p := with(t, all["with it all"]...)
	topics := map[string]outbox.Topic{}
	for _, topic := range []outbox.Topic{outbox.TopicHighBalance, outbox.TopicOutOfStock, outbox.TopicDailyReport} {
		topics[string(topic)] = topic
		if name := text(p.one(string(topic)).at("TopicName")); !strings.HasSuffix(name, "-"+string(topic)+`"}`) {
			t.Errorf("%s is called %s", topic, name)
		}
	}
	var got []string
	for _, s := range p.every("AWS::SNS::Subscription") {
		topic, is := topics[ref(s.at("TopicArn"))]
		if !is {
			continue // the topic of the operators
		}
		endpoint := ref(s.at("Endpoint"))
		if s.at("Endpoint") == "owner@example.com" {
			endpoint = notify.Owner
		}
		policy := ""
		if v := s.at("FilterPolicy"); v != nil {
			policy = text(v)
			if s.at("FilterPolicyScope") != "MessageAttributes" {
				t.Errorf("%s filters by %v", s.name, s.at("FilterPolicyScope"))
			}
		}
		if s.at("RedrivePolicy", "deadLetterTargetArn") == nil {
			t.Errorf("%s loses messages that cannot be delivered", s.name)
		}
		got = append(got, fmt.Sprintf("%+v", notify.Subscription{Topic: topic, Protocol: text(s.at("Protocol")), Endpoint: endpoint, FilterPolicy: policy}))
	}
	var want []string
	for _, s := range notify.Subscriptions {
		want = append(want, fmt.Sprintf("%+v", s))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
	for _, s := range with(t).every("AWS::SNS::Subscription") {
		if s.at("Protocol") == "email" {
			t.Errorf("%s has no subscriber by e-mail", s.name)
		}
	}
}

// A queue accepts messages only from its topics, and from all of them.
func TestTopicsMaySendToTheirQueues(t *testing.T) {
	p := with(t, all["with it all"]...)
	may := map[string][]string{}
	for _, policy := range p.every("AWS::SQS::QueuePolicy") {
		for _, s := range statementsOf(policy.name, policy.at("PolicyDocument")) {
			if s.effect == "Allow" && at(s.whole, "Principal", "Service") == "sns.amazonaws.com" {
				for _, from := range list(at(s.whole, "Condition", "ArnEquals", "aws:SourceArn")) {
					queue := ref(s.resources[0])
					may[queue] = append(may[queue], ref(from))
				}
			}
		}
	}
	for _, s := range p.every("AWS::SNS::Subscription") {
		topic := ref(s.at("TopicArn"))
		if queue := ref(s.at("Endpoint")); s.at("Protocol") == "sqs" && !slices.Contains(may[queue], topic) {
			t.Errorf("%s accepts nothing from %s", queue, topic)
		}
		if dead := ref(s.at("RedrivePolicy", "deadLetterTargetArn")); !slices.Contains(may[dead], topic) {
			t.Errorf("%s accepts nothing from %s", dead, topic)
		}
	}
}

func TestTheDashboardNamesResourcesOfTheStack(t *testing.T) {
	p := with(t)
	body := text(at(p.one("Dashboard").at("DashboardBody"), "Fn::Sub"))
	var board struct {
		Widgets []struct {
			Properties struct {
				Title   string
				Metrics [][]any
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &board); err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{"${AWS::StackName}": true, "v1": true}
	for _, r := range p.every("AWS::SQS::Queue") {
		names[text(at(r.at("QueueName"), "Fn::Sub"))] = true
	}
	for _, r := range append(functions(p), p.one("Table"), p.one("ReportMachine")) {
		names["${"+r.name+"}"] = true
	}
	named := 0
	for _, w := range board.Widgets {
		named += len(w.Properties.Metrics)
		for _, m := range w.Properties.Metrics {
			for i := 3; i < len(m); i += 2 {
				if name := text(m[i]); !names[name] {
					t.Errorf("%s: there is no %s", w.Properties.Title, name)
				}
			}
		}
	}
	if len(board.Widgets) < 6 {
		t.Errorf("%d widgets", len(board.Widgets))
	}
	// The three searches find two consumers, three topics, and a metric for each reason of refusals.
	if named > 41 {
		t.Errorf("the dashboard names %d metrics: with what its searches find, more than the 50 of a free one", named)
	}
}
