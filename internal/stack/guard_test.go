package stack_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// functions returns the functions.
func functions(p template) []resource {
	return p.every("AWS::Serverless::Function", "AWS::Lambda::Function")
}

func TestEveryFunctionHasItsOwnLogWithARetention(t *testing.T) {
	p := with(t)
	seen := map[string]string{}
	for _, f := range functions(p) {
		name := ref(f.at("LoggingConfig", "LogGroup"))
		if name == "" {
			t.Errorf("%s names no log group", f.name)
			continue
		}
		if other := seen[name]; other != "" {
			t.Errorf("%s and %s share a log", f.name, other)
		}
		seen[name] = f.name
		if got := f.at("LoggingConfig", "LogFormat"); got != "JSON" {
			t.Errorf("%s logs %v, want JSON", f.name, got)
		}
	}
	for _, l := range p.every("AWS::Logs::LogGroup") {
		if l.at("RetentionInDays") == nil {
			t.Errorf("%s keeps logs for ever", l.name)
		}
	}
}

// statement is a statement of a policy.
type statement struct {
	of        string // the resource with the policy
	effect    string
	actions   []string
	resources []any
	whole     object
}

func statementsOf(of string, policy any) (list_ []statement) {
	for _, s := range list(at(policy, "Statement")) {
		s := s.(object)
		list_ = append(list_, statement{of, text(s["Effect"]), texts(s["Action"]), list(s["Resource"]), s})
	}
	return list_
}

// granted returns all statements that allow something to a role.
func granted(p template) (all []statement) {
	for _, role := range p.every("AWS::IAM::Role") {
		for _, policy := range list(role.at("Policies")) {
			all = append(all, statementsOf(role.name, at(policy, "PolicyDocument"))...)
		}
	}
	return all
}

// resourceless are actions that cannot be limited to a resource (Service Authorization
// Reference).
var resourceless = []string{
	"xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets",
	"sns:Unsubscribe", "sns:GetSubscriptionAttributes", "sns:SetSubscriptionAttributes",
	"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery", "logs:ListLogDeliveries",
	"logs:PutResourcePolicy", "logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
}

func TestNoRoleHasWildcards(t *testing.T) {
	everyWay(t, func(t *testing.T, p template) {
		all := granted(p)
		if len(all) < 30 {
			t.Fatalf("found only %d statements", len(all))
		}
		for _, s := range all {
			for _, action := range s.actions {
				if strings.Contains(action, "*") {
					t.Errorf("%s allows %s", s.of, action)
				}
				for _, r := range s.resources {
					if text(r) == "*" && !slices.Contains(resourceless, action) {
						t.Errorf("%s allows %s on everything", s.of, action)
					}
				}
			}
			for _, r := range s.resources {
				// A wildcard may only follow a folder of a bucket.
				if name := text(r); name != "*" && strings.Contains(name, "*") && !strings.Contains(name, "/*") {
					t.Errorf("%s allows %v on %s", s.of, s.actions, name)
				}
			}
		}
	})
}

func TestEveryFunctionHasItsOwnRole(t *testing.T) {
	p := with(t)
	seen := map[string]string{}
	for _, f := range functions(p) {
		role := ref(f.at("Role"))
		if other := seen[role]; role == "" || other != "" {
			t.Errorf("%s has the same role %q as %s", f.name, role, other)
		}
		seen[role] = f.name
		log := ref(f.at("LoggingConfig", "LogGroup"))
		for _, s := range granted(p) {
			if s.of != role || !slices.Contains(s.actions, "logs:PutLogEvents") {
				continue
			}
			if len(s.resources) != 1 || ref(s.resources[0]) != log {
				t.Errorf("%s may write to %s, its log is %s", f.name, text(s.resources), log)
			}
		}
	}
}

func TestOnlyTwoManagedPoliciesAreUsed(t *testing.T) {
	p := transformed(t)
	for _, role := range p.every("AWS::IAM::Role") {
		for _, name := range texts(role.at("ManagedPolicyArns")) {
			// One is API Gateway's role for the account. The other is CodeDeploy's, which SAM creates.
			if !strings.Contains(name, "AmazonAPIGatewayPushToCloudWatchLogs") && !strings.Contains(name, "AWSCodeDeployRoleForLambda") {
				t.Errorf("%s has the managed policy %s", role.name, name)
			}
		}
	}
}

func TestStreamConsumersRetryAndThenKeepTheRecord(t *testing.T) {
	found := 0
	for _, f := range functions(with(t)) {
		events, _ := f.at("Events").(object)
		for name, event := range events {
			if at(event, "Type") != "DynamoDB" {
				continue
			}
			found++
			get := func(path ...string) any { return at(event, append([]string{"Properties"}, path...)...) }
			if types := texts(get("FunctionResponseTypes")); !slices.Equal(types, []string{"ReportBatchItemFailures"}) {
				t.Errorf("%s.%s has %v: one failed record would fail its whole batch", f.name, name, types)
			}
			if get("BisectBatchOnFunctionError") != true {
				t.Errorf("%s.%s does not halve a batch that fails as a whole", f.name, name)
			}
			// A stream keeps records for 24 hours.
			if age := number(t, get("MaximumRecordAgeInSeconds")); age < 3600 || age >= 24*3600 {
				t.Errorf("%s.%s tries for %d s", f.name, name, age)
			}
			if tries := number(t, get("MaximumRetryAttempts")); tries < 3 || tries > 10000 {
				t.Errorf("%s.%s tries %d times", f.name, name, tries)
			}
			// SNS and SQS would get only the position of the record in the stream, which is valid for
			// 24 hours.
			if kind, to := get("DestinationConfig", "OnFailure", "Type"), get("DestinationConfig", "OnFailure", "Destination"); kind != "S3" || ref(to) != "Bucket" {
				t.Errorf("%s.%s sends failures to %v %s, want the bucket", f.name, name, kind, text(to))
			}
			if get("StartingPosition") != "TRIM_HORIZON" {
				t.Errorf("%s.%s misses what is written while it is created", f.name, name)
			}
		}
	}
	if found != 2 {
		t.Errorf("%d consumers of the stream, want the ledger and the notifier", found)
	}
}

func TestAsynchronousFunctionsKeepFailedEvents(t *testing.T) {
	p := with(t)
	var invoked []string
	for _, n := range list(p.one("Bucket").at("NotificationConfiguration", "LambdaConfigurations")) {
		invoked = append(invoked, ref(at(n, "Function")))
	}
	for _, s := range p.every("AWS::Scheduler::Schedule") {
		if at(s.properties, "Target", "DeadLetterConfig", "Arn") == nil {
			t.Errorf("%s loses events that it cannot start", s.name)
		}
		if target := ref(s.at("Target", "Arn")); strings.HasSuffix(target, "Function") {
			invoked = append(invoked, target)
		}
	}
	slices.Sort(invoked)
	invoked = slices.Compact(invoked) // the importer is invoked by the bucket and by a schedule
	if !slices.Equal(invoked, []string{"DelivererFunction", "ImporterFunction", "NotifierFunction"}) {
		t.Fatalf("found %v", invoked)
	}
	kept := map[string]any{}
	for _, c := range p.every("AWS::Lambda::EventInvokeConfig") {
		kept[ref(c.at("FunctionName"))] = c.at("DestinationConfig", "OnFailure", "Destination")
	}
	for _, name := range invoked {
		to := kept[name]
		if to == nil {
			to = p.one(name).at("EventInvokeConfig", "DestinationConfig", "OnFailure", "Destination")
		}
		if ref(to) != "Bucket" {
			t.Errorf("%s sends failures to %s, want the bucket", name, text(to))
		}
	}
}

// The function's own role writes its dead letters into the bucket.
func TestFunctionsMayWriteTheirDeadLetters(t *testing.T) {
	p := with(t)
	for _, name := range []string{"LedgerRole", "NotifierRole", "ImporterRole", "DelivererRole"} {
		may := map[string]bool{}
		for _, s := range granted(p) {
			for _, action := range s.actions {
				for _, r := range s.resources {
					if s.of == name {
						may[action+" "+strings.NewReplacer("${AWS::StackName}-${AWS::AccountId}-${AWS::Region}", "BUCKET", "${Bucket}", "BUCKET").Replace(text(r))] = true
					}
				}
			}
		}
		for _, want := range []string{`s3:PutObject {"Fn::Sub":"arn:${AWS::Partition}:s3:::BUCKET/aws/lambda/*"}`, `s3:ListBucket {"Fn::Sub":"arn:${AWS::Partition}:s3:::BUCKET"}`} {
			if !may[want] {
				t.Errorf("%s may not %s; it may %v", name, want, slices.Sorted(maps.Keys(may)))
			}
		}
	}
	for _, n := range list(p.one("Bucket").at("NotificationConfiguration", "TopicConfigurations")) {
		rule := list(at(n, "Filter", "S3Key", "Rules"))[0]
		if at(rule, "Value") == "aws/lambda/" && ref(at(n, "Topic")) == "Operators" {
			return
		}
	}
	t.Error("no alarm watches dead letters in the bucket")
}

func TestEverythingIsEncrypted(t *testing.T) {
	everyWay(t, func(t *testing.T, p template) {
		own := p.parameters["CustomerManagedKey"] == "true"
		want := func(r resource, key any, otherwise bool) {
			t.Helper()
			if own && ref(key) != "Key" {
				t.Errorf("%s has the key %s, want the café's own", r.name, text(key))
			}
			if !own && !otherwise {
				t.Errorf("%s is not encrypted", r.name)
			}
		}
		for _, r := range p.every("AWS::DynamoDB::Table") { // it is always encrypted
			want(r, r.at("SSESpecification", "KMSMasterKeyId"), true)
		}
		for _, r := range p.every("AWS::S3::Bucket") {
			rule := list(r.at("BucketEncryption", "ServerSideEncryptionConfiguration"))[0]
			want(r, at(rule, "ServerSideEncryptionByDefault", "KMSMasterKeyID"), at(rule, "ServerSideEncryptionByDefault", "SSEAlgorithm") == "AES256")
		}
		for _, r := range p.every("AWS::SQS::Queue") {
			want(r, r.at("KmsMasterKeyId"), r.at("SqsManagedSseEnabled") == true)
		}
		for _, r := range p.every("AWS::SNS::Topic") {
			// Alarms and buckets cannot publish to a topic that uses AWS's own key for SNS.
			want(r, r.at("KmsMasterKeyId"), r.at("KmsMasterKeyId") == "alias/aws/sns" || r.name == "Operators")
		}
		for _, r := range append(p.every("AWS::Logs::LogGroup"), p.every("AWS::SecretsManager::Secret")...) { // they are always encrypted
			want(r, r.at("KmsKeyId"), true)
		}
		for _, r := range functions(p) { // they are always encrypted
			want(r, r.at("KmsKeyArn"), true)
		}
		if _, made := p.resources["Key"]; made != own {
			t.Errorf("the key exists: %v", made)
		}
	})
}

// SNS silently drops a message that it may not encrypt for a queue, and so do alarms.
func TestTheOwnKeyAllowsEveryWriter(t *testing.T) {
	p := with(t, "CustomerManagedKey=true")
	services := map[string][]string{}
	for _, s := range statementsOf("Key", p.one("Key").at("KeyPolicy")) {
		for _, service := range texts(at(s.whole, "Principal", "Service")) {
			services[service] = append(services[service], s.actions...)
		}
	}
	for _, service := range []string{"sns.amazonaws.com", "cloudwatch.amazonaws.com", "s3.amazonaws.com", `{"Fn::Sub":"logs.${AWS::Region}.amazonaws.com"}`} {
		for _, action := range []string{"kms:Decrypt", "kms:GenerateDataKey*"} {
			if !slices.Contains(services[service], action) {
				t.Errorf("%s may not %s; the services are %v", service, action, slices.Sorted(maps.Keys(services)))
			}
		}
	}
	may := map[string]bool{}
	for _, s := range granted(p) {
		if slices.Contains(s.actions, "kms:Decrypt") && len(s.resources) == 1 && ref(s.resources[0]) == "Key" {
			may[s.of] = true
		}
	}
	for _, role := range p.every("AWS::IAM::Role") {
		if role.name != "ApiGatewayLogWriter" && !may[role.name] {
			t.Errorf("%s may not use the key", role.name)
		}
	}
	for _, s := range granted(with(t)) {
		if strings.HasPrefix(s.actions[0], "kms:") {
			t.Errorf("%s may use a key that does not exist", s.of)
		}
	}
}

func TestTLSIsRequired(t *testing.T) {
	p := with(t)
	denied := map[string]bool{}
	policies := map[string]string{"AWS::S3::BucketPolicy": "Bucket", "AWS::SNS::TopicPolicy": "Topics", "AWS::SQS::QueuePolicy": "Queues"}
	for kind, of := range policies {
		for _, policy := range p.every(kind) {
			for _, s := range statementsOf(policy.name, policy.at("PolicyDocument")) {
				if s.effect == "Deny" && at(s.whole, "Condition", "Bool", "aws:SecureTransport") == "false" && at(s.whole, "Principal") == "*" {
					denied[ref(list(policy.at(of))[0])] = true
				}
			}
		}
	}
	for _, r := range p.every("AWS::S3::Bucket", "AWS::SNS::Topic", "AWS::SQS::Queue") {
		if !denied[r.name] {
			t.Errorf("%s accepts requests without TLS", r.name)
		}
	}
}

func TestTheBucketIsPrivateAndExpiresFiles(t *testing.T) {
	b := with(t).one("Bucket")
	for _, name := range []string{"BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"} {
		if b.at("PublicAccessBlockConfiguration", name) != true {
			t.Errorf("%s is not set", name)
		}
	}
	if b.at("VersioningConfiguration", "Status") != "Enabled" {
		t.Error("the bucket keeps no versions")
	}
	forgets := map[string]bool{}
	for _, rule := range list(b.at("LifecycleConfiguration", "Rules")) {
		if at(rule, "ExpirationInDays") != nil && at(rule, "NoncurrentVersionExpiration", "NoncurrentDays") != nil && at(rule, "Status") == "Enabled" {
			forgets[text(at(rule, "Prefix"))] = true
		}
	}
	for _, prefix := range []string{"imports/", "rejects/", "aws/lambda/"} {
		if !forgets[prefix] {
			t.Errorf("files under %s, which name people, never expire", prefix)
		}
	}
}

func TestDataOutlivesTheStack(t *testing.T) {
	p := with(t, all["with it all"]...)
	for _, r := range p.every("AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::Cognito::UserPool", "AWS::KMS::Key") {
		if r.whole["DeletionPolicy"] != "RetainExceptOnCreate" || r.whole["UpdateReplacePolicy"] != "Retain" {
			t.Errorf("%s is deleted with the stack", r.name)
		}
	}
	table := p.one("Table")
	if table.at("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled") != true {
		t.Error("the table has no point-in-time recovery")
	}
	if table.at("DeletionProtectionEnabled") != true || p.one("UserPool").at("DeletionProtection") != "ACTIVE" {
		t.Error("Protection=true does not protect")
	}
}

func TestEveryAlarmNotifiesTheTopic(t *testing.T) {
	p := with(t, all["with it all"]...)
	alarms := p.every("AWS::CloudWatch::Alarm")
	for _, a := range alarms {
		for _, of := range []string{"AlarmActions", "OKActions"} {
			if actions := list(a.at(of)); len(actions) != 1 || ref(actions[0]) != "Operators" {
				t.Errorf("%s: %s are %s, want the operators", a.name, of, text(actions))
			}
		}
		if silent := a.name == "ReportMissingAlarm"; (a.at("TreatMissingData") == "breaching") != silent || !silent && a.at("TreatMissingData") != "notBreaching" {
			t.Errorf("%s takes missing data for %v", a.name, a.at("TreatMissingData"))
		}
	}
	// Each of these needs an alarm.
	watched := map[string]bool{}
	var watch func(v any)
	watch = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				watch(e)
			}
		case object:
			if name, is := v["MetricName"].(string); is {
				watched[name] = true
			}
			for _, e := range v {
				watch(e)
			}
		}
	}
	for _, a := range alarms {
		watch(a.properties)
	}
	for _, name := range []string{"5XXError", "Latency", "Throttles", "IteratorAge", "Errors", "ApproximateNumberOfMessagesVisible", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsSucceeded", "ApproximateAgeOfOldestMessage", "Faults"} {
		if !watched[name] {
			t.Errorf("no alarm watches %s", name)
		}
	}
}

// Each alarm says what to do by a link to its section of the runbook.
func TestEveryAlarmHasItsSectionInTheRunbook(t *testing.T) {
	runbook := string(read(t, "docs/runbook.md"))
	named := map[string]bool{}
	for _, a := range with(t, all["with it all"]...).every("AWS::CloudWatch::Alarm") {
		named[a.name] = true
		if said := text(a.at("AlarmDescription")); !strings.HasSuffix(said, ". docs/runbook.md#"+strings.ToLower(a.name)) {
			t.Errorf("%s does not name its section of the runbook: %s", a.name, said)
		}
		_, section, found := strings.Cut(runbook, "\n### "+a.name+"\n")
		section, _, _ = strings.Cut(section, "\n#")
		if !found {
			t.Errorf("docs/runbook.md has no section ### %s", a.name)
			continue
		}
		for _, part := range []string{"**It means**", "**Look**", "**Do**"} {
			if !strings.Contains(section, part) {
				t.Errorf("docs/runbook.md, %s: no %s", a.name, part)
			}
		}
	}
	for _, heading := range regexp.MustCompile(`(?m)^### (\w+Alarm)$`).FindAllStringSubmatch(runbook, -1) {
		if !named[heading[1]] {
			t.Errorf("docs/runbook.md has a section of %s, which is no alarm", heading[1])
		}
	}
}

// The alarms that end a rollout watch the new version alone. One that also watches the old
// version, or the authorizer, would keep the very fix from being deployed.
func TestAnAlarmRollsBackTheAPI(t *testing.T) {
	p := with(t, "Rollout=Canary10Percent5Minutes")
	preference := p.one("ApiFunction").at("DeploymentPreference")
	if at(preference, "Type") != "Canary10Percent5Minutes" {
		t.Errorf("rollout is %s", text(preference))
	}
	metrics := map[string]bool{}
	for _, a := range list(at(preference, "Alarms")) {
		alarm := p.one(ref(a))
		metrics[text(alarm.at("MetricName"))] = true
		watched := map[string]string{}
		for _, d := range list(alarm.at("Dimensions")) {
			watched[text(at(d, "Name"))] = text(at(d, "Value"))
		}
		version := watched["ExecutedVersion"] + watched["FunctionVersion"]
		if version != `{"Fn::GetAtt":["ApiFunction","Version.Version"]}` {
			t.Errorf("%s watches %v, not the new version alone", alarm.name, watched)
		}
		if alarm.at("Namespace") == "AWS/Lambda" && (watched["FunctionName"] != `{"Ref":"ApiFunction"}` || !strings.Contains(watched["Resource"], "${ApiFunction}:live")) {
			t.Errorf("%s watches %v, which Lambda has no metric for", alarm.name, watched)
		}
	}
	if !maps.Equal(metrics, map[string]bool{"Errors": true, "Faults": true, "Duration": true}) {
		t.Errorf("a rollout goes by %v", metrics)
	}
}

func TestNowRollsOutWithoutAlarms(t *testing.T) {
	p := with(t, "Rollout=Now")
	preference := p.one("ApiFunction").at("DeploymentPreference")
	if at(preference, "Type") != "AllAtOnce" || len(list(at(preference, "Alarms"))) > 0 {
		t.Errorf("a fix is deployed with %s", text(preference))
	}
	for _, a := range p.every("AWS::CloudWatch::Alarm") {
		if strings.HasPrefix(a.name, "NewVersion") {
			t.Errorf("%s has nothing to watch", a.name)
		}
	}
}

// The live version of the API has its settings from its parameters. Lambda publishes a new
// version only if the template says so: by a description with the number of the settings.
func TestAChangedParameterMakesANewVersionOfTheAPI(t *testing.T) {
	api := func(p template) string {
		properties := maps.Clone(p.one("ApiFunction").properties)
		delete(properties, "DeploymentPreference") // it changes how a version comes, not what it is
		return text(properties)
	}
	before := with(t)
	reach := 0
	for name, parameter := range document()["Parameters"].(object) {
		value := "12:34"
		if allowed := texts(at(parameter, "AllowedValues")); allowed != nil {
			value = allowed[slices.IndexFunc(allowed, func(v string) bool { return v != before.parameters[name] })]
		}
		after := with(t, name+"="+value)
		if api(after) == api(before) {
			continue
		}
		reach++
		if text(after.one("Settings").at("Content")) == text(before.one("Settings").at("Content")) {
			t.Errorf("%s reaches the API and is not among the settings", name)
		}
	}
	if reach < 15 {
		t.Errorf("only %d parameters reach the API", reach)
	}
	for _, of := range []string{"Description", "VersionDescription"} {
		if said := text(before.one("ApiFunction").at(of)); !strings.Contains(said, "${Settings.VersionNumber}") {
			t.Errorf("%s of the API is %s", of, said)
		}
	}
	if before.one("ApiFunction").at("AutoPublishAlias") != "live" || before.one("ApiFunction").at("AutoPublishAliasAllProperties") != true {
		t.Error("changed code makes no new version")
	}
}

// What SAM makes of it: an alias of the version, and CodeDeploy with the alarms on that version.
func TestTheTransformKeepsVersionAndAlarms(t *testing.T) {
	p := transformed(t)
	versions := p.every("AWS::Lambda::Version")
	if len(versions) != 1 || !strings.Contains(text(versions[0].at("Description")), "${Settings.VersionNumber}") {
		t.Fatalf("versions %+v", versions)
	}
	version := `{"Fn::GetAtt":["` + versions[0].name + `","Version"]}`
	if got := text(p.one("ApiFunctionAliaslive").at("FunctionVersion")); got != version {
		t.Errorf("the alias is of %s", got)
	}
	watched := list(p.one("ApiFunctionDeploymentGroup").at("AlarmConfiguration", "Alarms"))
	if len(watched) != 3 {
		t.Errorf("a rollout goes by %d alarms", len(watched))
	}
	for _, a := range watched {
		if dimensions := text(p.one(ref(at(a, "Name"))).at("Dimensions")); !strings.Contains(dimensions, version) {
			t.Errorf("%s watches %s", ref(at(a, "Name")), dimensions)
		}
	}
}

func TestQueuesHaveDeadLetterQueues(t *testing.T) {
	p := with(t)
	dead := map[string]bool{}
	for _, q := range p.every("AWS::SQS::Queue") {
		if to := ref(q.at("RedrivePolicy", "deadLetterTargetArn")); to != "" {
			dead[q.name] = false
			dead[to] = true
		}
	}
	if !maps.Equal(dead, map[string]bool{"CreditCollection": false, "CreditCollectionDead": true, "CustomerNotify": false, "CustomerNotifyDead": true, "Webhooks": false, "WebhooksDead": true}) {
		t.Errorf("queues and their dead-letter queues: %v", dead)
	}
	watched := text(p.one("DeadLettersAlarm").at("Metrics"))
	for _, q := range p.every("AWS::SQS::Queue") {
		isDead := strings.Contains(q.name, "Dead")
		if isDead != strings.Contains(watched, fmt.Sprintf(`["%s","QueueName"]`, q.name)) {
			t.Errorf("%s: watched by the alarm on dead letters: %v", q.name, !isDead)
		}
	}
}

func TestTracingIsOnFromEndToEnd(t *testing.T) {
	p := with(t)
	for _, f := range functions(p) {
		if f.at("Tracing") != "Active" {
			t.Errorf("%s is not traced", f.name)
		}
	}
	if p.one("Api").at("TracingEnabled") != true || p.one("ReportMachine").at("Tracing", "Enabled") != true {
		t.Error("the API or the report is not traced")
	}
}
