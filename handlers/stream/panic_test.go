package stream_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	awslambda "github.com/aws/aws-lambda-go/lambda"

	"cafe/handlers/authorizer"
	"cafe/handlers/importer"
	"cafe/handlers/reporter"
	"cafe/handlers/stream"
	"cafe/internal/auth"
	"cafe/internal/cafetest"
	"cafe/internal/ledger"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

// careless is a verifier that panics with the token.
type careless struct{}

func (careless) Verify(_ context.Context, token string) (auth.Identity, error) { panic(token) }

func TestCase48APanicOfAHandlerSaysWhereAndNotWhat(t *testing.T) {
	const canary = "kanari"
	faulty := tabletest.NewFaulty(cafetest.Engines[0].Open(t), nil)
	c := cafetest.Open(t, faulty)
	place(t, c, canary, 1)
	place(t, c, "bob", 1)
	posted := event(c.Recorder.Changes(ledger.Wants)...)
	counter := cafetest.Counter{Cafe: c, Files: cafetest.NewFiles()}
	files := counter.Files
	_, key := counter.Upload(t, cafetest.ImportDraft(model.ImportOrders), "order,date,time,item,customer_id\n1,2017-03-17,09:00,tea,"+canary+"\n2,2017-03-17,09:00,tea,"+canary+"\n")
	panics := func(method, key string) {
		faulty.Set(func(call tabletest.Call) tabletest.Fault {
			if call.Method == method && (key == "" || strings.HasPrefix(call.Ops[0].Key.PK, key)) {
				panic(fmt.Errorf("%s of %s@example.com", method, canary))
			}
			return tabletest.Fault{}
		})
	}
	for name, trigger := range map[string]struct {
		method  string // of the store that panics,
		key     string // with such a key
		handler any
		event   any
		where   string
	}{
		"ledger, one of two customers": {"Write", "C#", stream.Ledger(c.Ledger, c.Events), posted, "parallel.Each.func1("},
		"notifier":                     {"Query", "", stream.NotifyOrSweep(c.Outbox, c.Notifier, c.DeadLetters), stream.SweepEvent{Sweep: true}, "(*Announcer).Sweep("},
		"importer":                     {"Get", "", importer.Handle(c.Imports, files), importer.Uploaded(key, c.Clock.Now()), "(*Importer).Run("},
		"importer, a row":              {"Write", "O#", importer.Handle(c.Imports, files), importer.Uploaded(key, c.Clock.Now()), ".takeAll["},
		"reporter":                     {"Query", "", reporter.Handle(c.Reports, c.Ledger, c.LastDue), reporter.Step{Name: reporter.StepAnalyse, Day: "2017-03-17"}, "(*Reporter).Analyse("},
		"authorizer": {"", "", authorizer.Metered("k", authorizer.Authorize(careless{})), events.APIGatewayCustomAuthorizerRequestTypeRequest{
			MethodArn: "arn:aws:execute-api:eu-west-2:123456789012:abcdef1234/v1/GET/orders", Headers: map[string]string{"Authorization": "Bearer " + canary},
		}, "Authorize"},
	} {
		t.Run(name, func(t *testing.T) {
			var lines bytes.Buffer
			before := slog.Default()
			slog.SetDefault(slog.New(slog.NewJSONHandler(&lines, nil)))
			defer slog.SetDefault(before)
			panics(trigger.method, trigger.key)
			defer faulty.Set(nil)
			payload, err := json.Marshal(trigger.event)
			if err != nil {
				t.Fatal(err)
			}
			deadline, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			// As Lambda calls it.
			_, err = awslambda.NewHandler(trigger.handler).Invoke(deadline, payload)
			if err == nil {
				t.Fatal("nothing failed")
			}
			log := lines.String()
			if strings.Contains(err.Error(), canary) || strings.Contains(log, canary) {
				t.Errorf("told what the panic held: %v, %s", err, log)
			}
			if !strings.Contains(err.Error(), "panic: ") || !strings.Contains(log, `"msg":"panic"`) || !strings.Contains(log, trigger.where) {
				t.Errorf("not told where it was (%s): %v, %s", trigger.where, err, log)
			}
		})
	}
	handle := stream.Ledger(c.Ledger, c.Events)
	if response, err := handle(ctx, posted); failed(t, response, err) != "" {
		t.Errorf("told again, the event fails: %v", response)
	}
}
