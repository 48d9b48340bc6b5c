package importer_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"cafe/handlers/importer"
	"cafe/internal/cafetest"
	"cafe/internal/deadletters"
	"cafe/model"
)

var ctx = context.Background()

func TestAnUploadThatFailsIsADeadLetterUntilItIsImported(t *testing.T) {
	cafetest.OnEachEngine(t, func(t *testing.T, e cafetest.Engine) {
		c := cafetest.Open(t, e.Open(t))
		counter := cafetest.Counter{Cafe: c, Files: cafetest.NewFiles()}
		id, key := counter.Upload(t, cafetest.ImportDraft(model.ImportOrders), "order,date,time,item\n1,2017-03-17,09:00,tea\n")
		files := counter.Files
		handle := importer.HandleOrRedrive(c.DeadLetters, importer.SetAside(c.DeadLetters, importer.Handle(c.Imports, files)))
		send := func(event any) error {
			b, err := json.Marshal(event)
			if err != nil {
				t.Fatal(err)
			}
			return handle(ctx, b)
		}
		list := func() []deadletters.Letter {
			t.Helper()
			letters, _, err := c.DeadLetters.List(ctx, false, "", 100)
			if err != nil {
				t.Fatal(err)
			}
			return letters
		}
		files.Fail(func(what, _ string) error { return errors.New(what + " is broken") })
		for try := range deadletters.Tries {
			if got := list(); len(got) != 0 {
				t.Fatalf("after %d tries: %+v", try, got)
			}
			if err := send(importer.Uploaded(key, c.Clock.Now())); err == nil {
				t.Fatal("no error, so Lambda would not try again")
			}
		}
		got := list()
		if len(got) != 1 || got[0].ID != "upload-"+id || got[0].About != "imports/"+id || !strings.Contains(got[0].Reason, "Open is broken") {
			t.Fatalf("letters %+v", got)
		}
		if err := send(map[string]bool{"redrive": true}); err != nil {
			t.Errorf("nothing is to be sent again: %v", err)
		}
		redrive := func() error {
			if _, err := c.DeadLetters.Redrive(ctx, got[0].ID); err != nil {
				t.Fatal(err)
			}
			return send(map[string]bool{"redrive": true})
		}
		if err := redrive(); err == nil {
			t.Error("no error")
		}
		if again := list(); len(again) != 1 || again[0].Status != deadletters.Dead || again[0].Tries != deadletters.Tries+1 {
			t.Errorf("letters %+v", again)
		}
		files.Fail(nil)
		if err := redrive(); err != nil || len(list()) != 0 {
			t.Errorf("%v; letters %+v", err, list())
		}
		if im, _, err := c.Imports.Result(ctx, files, id); err != nil || im.Status != model.ImportDone || im.Created != 1 {
			t.Errorf("%+v, %v", im, err)
		}
	})
}

func TestAnAttemptThatIsCutOffMakesNoDeadLetterOfAnUpload(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	counter := cafetest.Counter{Cafe: c, Files: cafetest.NewFiles()}
	_, key := counter.Upload(t, cafetest.ImportDraft(model.ImportOrders), "order,date,time,item\n1,2017-03-17,09:00,tea\n")
	handle := importer.SetAside(c.DeadLetters, importer.Handle(c.Imports, counter.Files))
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for range 2 * deadletters.Tries {
		if err := handle(ended, importer.Uploaded(key, c.Clock.Now())); err == nil {
			t.Fatal("no error")
		}
	}
	if letters, _, err := c.DeadLetters.List(ctx, false, "", 100); err != nil || len(letters) != 0 {
		t.Errorf("%+v, %v", letters, err)
	}
}

func TestAnEventOfNeitherKindIsAnError(t *testing.T) {
	c := cafetest.Open(t, cafetest.Engines[0].Open(t))
	handle := importer.HandleOrRedrive(c.DeadLetters, importer.Handle(c.Imports, cafetest.NewFiles()))
	for _, event := range []string{`{}`, `[]`, `null`, `{"redrive":false}`, `{"redrive":1}`, `{"Records":5}`, `{`} {
		if err := handle(ctx, json.RawMessage(event)); err == nil {
			t.Errorf("%s: no error", event)
		}
	}
	for _, event := range []string{`{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2014-10-13T15:57:02.089Z","Bucket":"b"}`, `{"Records":[]}`} {
		if err := handle(ctx, json.RawMessage(event)); err != nil {
			t.Errorf("%s: %v", event, err)
		}
	}
}
