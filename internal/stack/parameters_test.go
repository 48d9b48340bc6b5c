package stack_test

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cafe/internal/settings"

	"github.com/pelletier/go-toml/v2"
)

// takes reports whether CloudFormation accepts a value for a parameter.
func takes(t *testing.T, name, value string) bool {
	t.Helper()
	p, known := document()["Parameters"].(object)[name]
	if !known {
		t.Fatalf("the template has no parameter %s", name)
	}
	if allowed := at(p, "AllowedValues"); allowed != nil && !slices.Contains(texts(allowed), value) {
		return false
	}
	if pattern := text(at(p, "AllowedPattern")); pattern != "" && !regexp.MustCompile("^(?:"+pattern+")$").MatchString(value) {
		return false
	}
	if most := at(p, "MaxLength"); most != nil && int64(len([]rune(value))) > number(t, most) {
		return false
	}
	if least := at(p, "MinLength"); least != nil && int64(len([]rune(value))) < number(t, least) {
		return false
	}
	return true
}

func TestParameterPatterns(t *testing.T) {
	for name, values := range map[string]struct{ good, bad []string }{
		"CafeName":          {[]string{"Café", "The Corner & Co.", strings.Repeat("é", 60)}, []string{"", "a\nb", strings.Repeat("a", 61)}},
		"TimeZone":          {[]string{"Europe/London", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+5"}, []string{"", "London town", "+01:00", "europe/london "}},
		"Currency":          {[]string{"GBP", "EUR"}, []string{"gbp", "£", "POUND", ""}},
		"DayCutoff":         {[]string{"00:00", "04:00", "23:59"}, []string{"4:00", "24:00", "04:60", "4am", ""}},
		"ReportTime":        {[]string{"20:00", "00:30"}, []string{"8pm", "20.00", "20:00:00"}},
		"StaffClose":        {[]string{"true", "false"}, []string{"yes", ""}},
		"OwnerEmail":        {[]string{"", "owner@example.com", "o.w+n@mail.example.co.uk"}, []string{"owner", "a@b", "a@example.com,b@example.com", "O <o@example.com>", "a b@example.com"}},
		"OperatorsEmail":    {[]string{"", "ops@example.com"}, []string{"ops"}},
		"Identity":          {[]string{"cognito", "oidc", "secret"}, []string{"none", "", "Cognito"}},
		"AuthIssuer":        {[]string{"", "https://login.example.com/", "cafe-local"}, []string{"https://a b"}},
		"AuthJwksUrl":       {[]string{"", "https://login.example.com/keys?p=1"}, []string{"http://login.example.com/keys", "login.example.com"}},
		"AuthSecretArn":     {[]string{"", "arn:aws:secretsmanager:eu-west-2:123456789012:secret:cafe/jwt-AbCdEf"}, []string{"cafe/jwt", "arn:aws:ssm:eu-west-2:123456789012:parameter/x"}},
		"AuthSecretVersion": {[]string{"", "12345678-90ab-cdef-1234-567890abcdef"}, []string{"AWSCURRENT", "}}"}},
		"WebOrigin":         {[]string{"https://app.example.com", "http://localhost:5173"}, []string{"", "*", "https://app.example.com/", "app.example.com", "https://a.example.com,https://b.example.com"}},
		"AllowedNetworks":   {[]string{"0.0.0.0/0,::/0", "203.0.113.0/24"}, []string{"", "203.0.113.7", "home", "203.0.113.0/24, 2001:db8::/32"}},
		"Architecture":      {[]string{"arm64", "x86_64"}, []string{"amd64", ""}},
		"Release":           {[]string{"v1.2.3", "1.0.0-4-gabc1234", "dev"}, []string{"", "a b", "é"}},
		"Rollout":           {[]string{"Now", "Canary10Percent5Minutes"}, []string{"Canary", "AllAtOnce", ""}},
		"Dining":            {[]string{"eat_in", "takeaway"}, []string{"", "eat-in"}},
		"Bakes":             {[]string{"", "07:00", "07:00,11:00,14:00"}, []string{"7:00", "07:00 11:00", "07:00,"}},
		"Closed":            {[]string{"", "sun", "sun,mon,2026-12-25", "2026-08-01..2026-08-14"}, []string{"Sunday", "25.12.2026", "sun,", "2026-08-01..", "sun;mon"}},
		"Holidays":          {[]string{"", "2026-12-25 Christmas Day", "2026-12-25 Christmas Day;2026-12-26 Boxing Day"}, []string{"holidays.ics", "2026-12-25", "2026-12-25 Christmas Day;", "Christmas Day", strings.Repeat("2026-12-25 Christmas Day;", 60) + "2026-12-26 Boxing Day"}},
		"TaxNumber":         {[]string{"", "GB123456789", "12/345/67890"}, []string{" ", "GB\n1", strings.Repeat("1", 41)}},
		"DateOrder":         {[]string{"", "day-first", "month-first"}, []string{"dmy"}},
		"EventBus":          {[]string{"", "default", "shop.events-1", "arn:aws:events:eu-west-2:123456789012:event-bus/shop"}, []string{"a b", "shop/*", "*", "arn:aws:events:eu-west-2:123456789012:event-bus/*", "arn:aws:sqs:eu-west-2:123456789012:shop"}},
		"Firewall":          {[]string{"true", "false"}, []string{"yes", "True"}},
	} {
		for _, v := range values.good {
			if !takes(t, name, v) {
				t.Errorf("%s refuses %q", name, v)
			}
		}
		for _, v := range values.bad {
			if takes(t, name, v) {
				t.Errorf("%s accepts %q", name, v)
			}
		}
	}
}

func TestParametersHaveDescriptionsAndValidDefaults(t *testing.T) {
	grouped := text(document()["Metadata"])
	for name, p := range document()["Parameters"].(object) {
		if at(p, "Description") == nil {
			t.Errorf("%s has no description", name)
		}
		if at(p, "AllowedPattern") != nil && at(p, "ConstraintDescription") == nil {
			t.Errorf("%s does not say which values it accepts", name)
		}
		if v := at(p, "Default"); v == nil || !takes(t, name, text(v)) {
			t.Errorf("%s refuses its default %q", name, text(v))
		}
		if !strings.Contains(grouped, `"`+name+`"`) {
			t.Errorf("%s is in no group", name)
		}
	}
}

// deployed returns the settings of a function with the template's environment.
func deployed(t *testing.T, overrides ...string) (settings.Settings, error) {
	t.Helper()
	set := with(t, overrides...).one("LedgerFunction").at("Environment", "Variables")
	return settings.FromEnv(func(name string) string {
		if v, is := at(set, name).(string); is {
			return v
		}
		return ""
	})
}

func TestTemplateDefaultsMatchTheContract(t *testing.T) {
	got, err := deployed(t)
	if err != nil {
		t.Fatal(err)
	}
	want, err := settings.FromEnv(func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if got.Calendar.Zone.String() != want.Calendar.Zone.String() {
		t.Errorf("zone %s, want %s", got.Calendar.Zone, want.Calendar.Zone)
	}
	got.Calendar.Zone = want.Calendar.Zone
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// The functions must start with every value that the template accepts.
func TestFunctionsAcceptTheTemplatesExtremes(t *testing.T) {
	for _, override := range []string{
		"CafeName=" + strings.Repeat("é", 60), "TimeZone=America/Argentina/Buenos_Aires", "Currency=JPY", "DayCutoff=23:59", "ReportTime=00:00",
		"CreditLimit=0", "CreditLimit=1000000000", "StaffRefund=0", "StaffRefund=1000000000", "TaxNumber=", "TaxNumber=DE 123/456.789-0", "Shards=1", "Shards=64", "LostSaleCost=0.001", "LeftoverCost=1000000",
		"OwnerEmail=", "OwnerEmail=o.w+n@mail.example.co.uk", "DateOrder=day-first",
		"Bakes=00:00,23:59", "Closed=sun,2026-12-25,2026-08-01..2026-08-14", "Holidays=2026-12-25 Christmas Day;2026-12-26 Boxing Day",
	} {
		name, value, _ := strings.Cut(override, "=")
		if !takes(t, name, value) {
			t.Errorf("the template refuses %s", override)
		}
		if _, err := deployed(t, override); err != nil {
			t.Errorf("%s: %v", override, err)
		}
	}
	for name, p := range document()["Parameters"].(object) {
		for _, bound := range []string{"MinValue", "MaxValue"} {
			if v := at(p, bound); v != nil {
				if _, err := deployed(t, name+"="+text(v)); err != nil {
					t.Errorf("%s=%s: %v", name, text(v), err)
				}
			}
		}
	}
}

func TestTheScheduleFollowsTheReportTime(t *testing.T) {
	s := with(t, "ReportTime=19:05", "TimeZone=Europe/Paris").one("ReportSchedule")
	if s.at("ScheduleExpression") != "cron(05 19 * * ? *)" || s.at("ScheduleExpressionTimezone") != "Europe/Paris" {
		t.Errorf("%v in %v", s.at("ScheduleExpression"), s.at("ScheduleExpressionTimezone"))
	}
}

func TestSamconfigParametersExist(t *testing.T) {
	var config map[string]any
	if err := toml.Unmarshal(read(t, "samconfig.toml"), &config); err != nil {
		t.Fatal(err)
	}
	for _, env := range []string{"default", "prod", "protected"} {
		for pair := range strings.FieldsSeq(text(at(config[env], "deploy", "parameters", "parameter_overrides"))) {
			name, value, _ := strings.Cut(pair, "=")
			if !takes(t, name, value) {
				t.Errorf("%s: the template refuses %s", env, pair)
			}
		}
		// The name of the bucket begins with the name of the stack and has no capitals.
		if name := text(at(config[env], "global", "parameters", "stack_name")); !regexp.MustCompile(`^[a-z][a-z0-9-]{0,30}$`).MatchString(name) {
			t.Errorf("%s: a stack called %q cannot have a bucket", env, name)
		}
		if at(config[env], "build", "parameters", "build_in_source") != true {
			t.Errorf("%s: the whole repository is copied for each function", env)
		}
	}
	// A first deployment must not be protected, and later ones must keep what the second step
	// set. SAM keeps the value of each parameter that a deployment does not name.
	overrides := func(env string) string {
		return text(at(config[env], "deploy", "parameters", "parameter_overrides"))
	}
	if strings.Contains(overrides("prod"), "Protection") || text(at(document()["Parameters"], "Protection", "Default")) != "false" {
		t.Errorf("the first deployment of prod is protected, or a later one unprotected: %s", overrides("prod"))
	}
	if overrides("protected") != "Protection=true" || text(at(config["protected"], "global")) != text(at(config["prod"], "global")) {
		t.Errorf("the second step changes %s of %s", overrides("protected"), text(at(config["protected"], "global")))
	}
	if !slices.Contains(strings.Fields(overrides("prod")), "Rollout=Canary10Percent5Minutes") {
		t.Error("prod is deployed all at once")
	}
}
