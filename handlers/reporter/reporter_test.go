package reporter_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cafe/handlers/reporter"
	"cafe/internal/cafetest"
	"cafe/internal/ledger"
	"cafe/internal/outbox"
	"cafe/internal/table"
	"cafe/model"
)

// sell places an order at half past nine on Saturday, 18 March 2017, and posts it.
func sell(t *testing.T, c *cafetest.Cafe) {
	t.Helper()
	draft := model.Draft{Lines: []model.DraftLine{{SKU: "latte", Quantity: 1}}}
	if _, _, err := c.Place(context.Background(), cafetest.Staff, draft, ""); err != nil {
		t.Fatal(err)
	}
	c.Post(t, c.Recorder.Changes(ledger.Wants)...)
}

func TestTheReporterReconciles(t *testing.T) {
	ctx := context.Background()
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	draft := model.Draft{CustomerID: "alice", Lines: []model.DraftLine{{SKU: "latte", Quantity: 1}}}
	if _, _, err := c.Place(ctx, cafetest.Staff, draft, ""); err != nil {
		t.Fatal(err)
	}
	c.Post(t, c.Recorder.Changes(ledger.Wants)...)
	alice := table.Key{PK: "C#alice", SK: "C"}
	item, err := c.Table.Get(ctx, alice, true)
	if err != nil {
		t.Fatal(err)
	}
	item = maps.Clone(item)
	item["balance"] = table.Int(item.Int("balance") + 5)
	if err := c.Table.Write(ctx, table.Put(alice, item)); err != nil {
		t.Fatal(err)
	}
	step := reporter.Handle(c.Reports, c.Ledger, c.LastDue)
	for _, want := range []struct{ in, out string }{
		{`{"step":"reconcile","dry_run":true}`, `{"customers":1,"drifts":1,"drifted":[{"customer_id":"alice","field":"balance","stored":355,"actual":350}],"repaired":0,"unreadable":0}`},
		{`{"step":"reconcile"}`, `{"customers":1,"drifts":1,"drifted":[{"customer_id":"alice","field":"balance","stored":355,"actual":350}],"repaired":1,"unreadable":0}`},
		{`{"step":"reconcile"}`, `{"customers":1,"drifts":0,"drifted":[],"repaired":0,"unreadable":0}`},
	} {
		var in reporter.Step
		if err := json.Unmarshal([]byte(want.in), &in); err != nil {
			t.Fatal(err)
		}
		out, err := step(ctx, in)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(out.Reconciled); err != nil || string(got) != want.out {
			t.Errorf("%s: %s, %v, want %s", want.in, got, err, want.out)
		}
	}
}

// The samples in events/ are the steps of one report, in the form in which the state
// machine sends them.
func TestTheSampleStepsMakeOneReport(t *testing.T) {
	ctx := context.Background()
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	sell(t, c)
	c.Clock.Pass(10*time.Hour + 31*time.Minute)
	step := reporter.Handle(c.Reports, c.Ledger, c.LastDue)
	for range 2 { // any step may be done again
		for _, name := range []string{reporter.StepExtract, reporter.StepAnalyse, reporter.StepPublish} {
			b, err := os.ReadFile(filepath.Join("..", "..", "events", "reporter-"+name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			var in reporter.Step
			if err := json.Unmarshal(b, &in); err != nil {
				t.Fatal(err)
			}
			out, err := step(ctx, in)
			if err != nil || in.Name != name {
				t.Fatalf("%s: %v", name, err)
			}
			answer, err := json.Marshal(out)
			if err != nil {
				t.Fatal(err)
			}
			want := `{"day":"2017-03-18","revision":1,"waits":false}`
			if name == reporter.StepExtract {
				want = `{"day":"2017-03-18","waits":false}`
			}
			if string(answer) != want {
				t.Errorf("%s answers %s, want %s", name, answer, want)
			}
		}
	}
	c.Announce(t, c.Recorder.Changes(outbox.Wants)...)
	if sent := c.Notifier.Published(); len(sent) != 1 || !strings.Contains(sent[0].Mail, "£3.50 from 1 order") {
		t.Errorf("sent %+v", sent)
	}
}

func TestTheDayIsTheLastWhoseReportWasDue(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	c.Clock.Pass(48 * time.Hour)
	step := reporter.Handle(c.Reports, c.Ledger, c.LastDue)
	for at, want := range map[string]model.Day{
		"2017-03-18T20:00:00Z":     "2017-03-18",
		"2017-03-18T19:59:59.999Z": "2017-03-17",
		"2017-03-18T23:30:00Z":     "2017-03-18",
		"2017-03-19T03:00:00Z":     "2017-03-18", // a schedule that was hours late
		"2017-03-19T09:00:00Z":     "2017-03-18",
	} {
		began, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := step(context.Background(), reporter.Step{Name: reporter.StepExtract, At: began}); err != nil || out.Day != want {
			t.Errorf("at %s: %s, %v; want %s", at, out.Day, err, want)
		}
	}
}

func TestStepsThatMakeNoSenseFail(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	step := reporter.Handle(c.Reports, c.Ledger, c.LastDue)
	for name, in := range map[string]reporter.Step{
		"there is no step":       {Name: "bake", Day: "2017-03-18"},
		"neither day nor time":   {Name: reporter.StepExtract},
		"is not a date":          {Name: reporter.StepAnalyse, Day: "2017-02-29"},
		"is not a date such":     {Name: reporter.StepPublish, Revision: 1},
		"lies ahead":             {Name: reporter.StepExtract, Day: "2017-03-19"},
		"not found":              {Name: reporter.StepPublish, Day: "2017-03-18", Revision: 7},
		"analyse the report of ": {Name: reporter.StepAnalyse, Day: "2099-01-01"},
	} {
		if out, err := step(context.Background(), in); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%+v: %+v, %v; want %q", in, out, err, name)
		}
	}
}
