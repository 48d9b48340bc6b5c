// Package stack tests template.yaml and the files that belong to it. The tests compare what
// is deployed on AWS with what the code needs, and with the café's own rules. They need no
// AWS account. The package has nothing but tests.
package stack_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"gopkg.in/yaml.v3"
)

const root = "../.."

// object is a JSON object.
type object = map[string]any

// document returns template.yaml as JSON, with functions in their long form: {"Ref": …}.
var document = sync.OnceValue(func() object {
	b, err := os.ReadFile(filepath.Join(root, "template.yaml"))
	if err != nil {
		panic(err)
	}
	var file yaml.Node
	if err := yaml.Unmarshal(b, &file); err != nil {
		panic(err)
	}
	return value(file.Content[0]).(object)
})

// value converts YAML with CloudFormation's tags to JSON.
func value(n *yaml.Node) any {
	if strings.HasPrefix(n.Tag, "!") && !strings.HasPrefix(n.Tag, "!!") {
		plain := *n
		plain.Tag = ""
		return function(n.Tag[1:], value(&plain))
	}
	switch n.Kind {
	case yaml.AliasNode:
		return value(n.Alias)
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, e := range n.Content {
			list[i] = value(e)
		}
		return list
	case yaml.MappingNode:
		m := object{}
		for i := 0; i < len(n.Content); i += 2 {
			m[n.Content[i].Value] = value(n.Content[i+1])
		}
		return m
	}
	switch n.Tag {
	case "!!int", "!!float":
		return json.Number(n.Value)
	case "!!bool":
		return n.Value == "true"
	case "!!null":
		return nil
	}
	return n.Value
}

func function(name string, argument any) any {
	switch name {
	case "Ref", "Condition":
		return object{name: argument}
	case "GetAtt":
		resource, attribute, _ := strings.Cut(argument.(string), ".")
		return object{"Fn::GetAtt": []any{resource, attribute}}
	}
	return object{"Fn::" + name: argument}
}

// template is the document for given parameters. Conditions are decided and parameters are
// filled in. Names and ARNs that only CloudFormation knows stay {"Ref": …} and the like.
type template struct {
	t          *testing.T
	parameters map[string]string
	conditions map[string]bool
	resources  map[string]object
	outputs    object
}

// with returns the template for the given parameters, each as NAME=VALUE. The others have
// their defaults.
func with(t *testing.T, overrides ...string) template {
	t.Helper()
	return evaluate(t, document(), overrides...)
}

func evaluate(t *testing.T, document object, overrides ...string) template {
	t.Helper()
	p := template{t: t, parameters: map[string]string{}, conditions: map[string]bool{}, resources: map[string]object{}}
	for name, parameter := range document["Parameters"].(object) {
		p.parameters[name] = text(parameter.(object)["Default"])
	}
	for _, override := range overrides {
		name, value, _ := strings.Cut(override, "=")
		if _, known := p.parameters[name]; !known {
			t.Fatalf("the template has no parameter %s", name)
		}
		p.parameters[name] = value
	}
	for name, resource := range document["Resources"].(object) {
		resource := resource.(object)
		if condition, has := resource["Condition"]; has && !p.condition(document, condition.(string)) {
			continue
		}
		p.resources[name] = p.resolve(document, resource).(object)
	}
	p.outputs, _ = p.resolve(document, document["Outputs"]).(object)
	if globals, has := document["Globals"]; has {
		p.globals(p.resolve(document, globals).(object)["Function"].(object))
	}
	return p
}

// all are sets of parameters. Together they make every condition true and false.
var all = map[string][]string{
	"as it is":    nil,
	"with it all": {"CustomerManagedKey=true", "Firewall=true", "Protection=true", "OwnerEmail=owner@example.com", "OperatorsEmail=operators@example.com", "Rollout=Canary10Percent5Minutes", "QueueReaders=true", "MonthlyBudget=50", "WarmWrites=8000", "EventBus=shop"},
	"oidc":        {"Identity=oidc", "AuthIssuer=https://issuer.example.com", "AuthAudience=cafe", "ApiGatewayLogRole=false"},
	"secret":      {"Identity=secret", "CustomerManagedKey=true"},
	"own secret":  {"Identity=secret", "AuthSecretArn=arn:aws:secretsmanager:eu-west-2:123456789012:secret:cafe-AbCdEf", "EventBus=arn:aws:events:eu-west-2:210987654321:event-bus/shop"},
}

func everyWay(t *testing.T, test func(*testing.T, template)) {
	for name, parameters := range all {
		t.Run(name, func(t *testing.T) { test(t, with(t, parameters...)) })
	}
}

func (p template) condition(document object, name string) bool {
	if held, known := p.conditions[name]; known {
		return held
	}
	held, ok := p.resolve(document, document["Conditions"].(object)[name]).(bool)
	if !ok {
		p.t.Fatalf("condition %s is neither true nor false", name)
	}
	p.conditions[name] = held
	return held
}

func isNoValue(v any) bool {
	o, ok := v.(object)
	return ok && len(o) == 1 && o["Ref"] == "AWS::NoValue"
}

func (p template) resolve(document object, v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, 0, len(v))
		for _, e := range v {
			if e = p.resolve(document, e); !isNoValue(e) {
				list = append(list, e)
			}
		}
		return list
	case object:
		if len(v) == 1 {
			for name, argument := range v {
				if resolved, done := p.call(document, name, argument); done {
					return resolved
				}
			}
		}
		m := make(object, len(v))
		for name, e := range v {
			if e = p.resolve(document, e); !isNoValue(e) {
				m[name] = e
			}
		}
		return m
	}
	return v
}

// call evaluates a function of CloudFormation, if that is possible here.
func (p template) call(document object, name string, argument any) (any, bool) {
	switch name {
	case "Ref":
		value, is := p.parameters[argument.(string)]
		return value, is
	case "Condition":
		if name, ok := argument.(string); ok {
			return p.condition(document, name), true
		}
	case "Fn::If":
		branches := argument.([]any)
		if p.condition(document, branches[0].(string)) {
			return p.resolve(document, branches[1]), true
		}
		return p.resolve(document, branches[2]), true
	case "Fn::Equals":
		sides := p.resolve(document, argument).([]any)
		return text(sides[0]) == text(sides[1]), true
	case "Fn::Not":
		return !p.resolve(document, argument).([]any)[0].(bool), true
	case "Fn::And":
		return !slices.Contains(p.resolve(document, argument).([]any), any(false)), true
	case "Fn::FindInMap":
		keys := texts(p.resolve(document, argument))
		found := at(document["Mappings"], keys...)
		if found == nil {
			p.t.Fatalf("the mappings have no %v", keys)
		}
		return found, true
	case "Fn::Split":
		arguments := p.resolve(document, argument).([]any)
		if s, ok := arguments[1].(string); ok {
			var parts []any
			for _, part := range strings.Split(s, arguments[0].(string)) {
				parts = append(parts, part)
			}
			return parts, true
		}
	case "Fn::Select":
		arguments := p.resolve(document, argument).([]any)
		if list, ok := arguments[1].([]any); ok {
			return list[number(p.t, arguments[0])], true
		}
	case "Fn::Sub":
		pattern, own := argument, object{}
		if list, ok := argument.([]any); ok {
			pattern, own = list[0], p.resolve(document, list[1]).(object)
		}
		whole := true
		s := substituted.ReplaceAllStringFunc(pattern.(string), func(hole string) string {
			name := hole[2 : len(hole)-1]
			if value, is := p.parameters[name]; is {
				return value
			}
			if value, is := own[name].(string); is {
				return value
			}
			whole = false
			return hole
		})
		if whole {
			return s, true
		}
		return object{"Fn::Sub": s}, true
	}
	return nil, false
}

var substituted = regexp.MustCompile(`\$\{[A-Za-z0-9:.]+\}`)

// globals adds SAM's global settings to each function.
func (p template) globals(of object) {
	for _, f := range p.every("AWS::Serverless::Function") {
		for name, value := range of {
			switch own, has := f.properties[name]; {
			case !has:
				f.properties[name] = value
			case name == "Environment":
				variables := maps.Clone(value.(object)["Variables"].(object))
				maps.Copy(variables, own.(object)["Variables"].(object))
				f.properties[name] = object{"Variables": variables}
			}
		}
	}
}

// resource is a resource of a template.
type resource struct {
	name, kind string
	properties object
	whole      object
}

// every returns the resources of the given types, in the order of their names.
func (p template) every(kinds ...string) (list []resource) {
	for _, name := range slices.Sorted(maps.Keys(p.resources)) {
		r := p.resources[name]
		if kind := r["Type"].(string); slices.Contains(kinds, kind) {
			properties, _ := r["Properties"].(object)
			list = append(list, resource{name, kind, properties, r})
		}
	}
	return list
}

func (p template) one(name string) resource {
	p.t.Helper()
	r, has := p.resources[name]
	if !has {
		p.t.Fatalf("the template has no %s", name)
	}
	properties, _ := r["Properties"].(object)
	return resource{name, r["Type"].(string), properties, r}
}

// at returns the value at a path of names, or nil.
func (r resource) at(path ...string) any { return at(r.properties, path...) }

func at(v any, path ...string) any {
	for _, name := range path {
		o, _ := v.(object)
		v = o[name]
	}
	return v
}

// list returns the elements of a list. A single value counts as a list of one.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func texts(v any) (all []string) {
	for _, e := range list(v) {
		all = append(all, text(e))
	}
	return all
}

// text returns a string as it is, and any other value as JSON.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func number(t *testing.T, v any) int64 {
	t.Helper()
	n, err := json.Number(text(v)).Int64()
	if err != nil {
		t.Fatalf("%s is not an integer", text(v))
	}
	return n
}

// ref returns the resource that a value refers to, as {"Ref": X}, as {"Fn::GetAtt": [X, …]},
// or as the only one in a {"Fn::Sub": …}.
func ref(v any) string {
	o, ok := v.(object)
	if !ok || len(o) != 1 {
		return ""
	}
	if name, is := o["Ref"].(string); is {
		return name
	}
	if parts, is := o["Fn::GetAtt"].([]any); is {
		return parts[0].(string)
	}
	return ""
}

// read returns the content of a file of the repository.
func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// transformed returns the template as SAM transforms it, if .ci/template has run.
func transformed(t *testing.T) template {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, ".aws-sam", "transformed.json"))
	if os.IsNotExist(err) {
		t.Skip("not tested on the transformed template: .aws-sam/transformed.json is missing; .ci/template makes it")
	}
	if err != nil {
		t.Fatal(err)
	}
	var document object
	if err := json.Unmarshal(b, &document); err != nil {
		t.Fatal(err)
	}
	return evaluate(t, document, all["with it all"]...)
}
