package importer_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"cafe/handlers/importer"
	"cafe/internal/cafetest"
	"cafe/internal/table"
	"cafe/internal/table/tabletest"
	"cafe/model"
)

// uploaded begins an import and uploads its file. It returns the id and the key.
func uploaded(t *testing.T, c *cafetest.Cafe, files *cafetest.Files, name, text string) (id, key string) {
	t.Helper()
	up, err := c.Imports.Begin(t.Context(), files, cafetest.Staff.Role, model.ImportDraft{Kind: model.ImportOrders, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	key = cafetest.KeyOf("put", up.URL)
	if err := files.Put(t.Context(), key, strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return up.ImportID, key
}

const oneSale = "order,date,time,item\n1,2017-03-17,09:00,tea\n"

func openWithFiles(t *testing.T) (*cafetest.Cafe, *cafetest.Files) {
	return cafetest.Open(t, cafetest.Engines[0].Open(t)), cafetest.NewFiles()
}

func wantStatus(t *testing.T, c *cafetest.Cafe, files *cafetest.Files, id string, want model.ImportStatus) {
	t.Helper()
	im, _, err := c.Imports.Result(t.Context(), files, id)
	if err != nil || im.Status != want {
		t.Errorf("import is %s, %v; want %s", im.Status, err, want)
	}
}

func TestAnUploadsEventIsImportedAsS3WritesIt(t *testing.T) {
	c, files := openWithFiles(t)
	id, key := uploaded(t, c, files, "till 18% + café.csv", oneSale)
	sample, err := os.ReadFile("../../events/importer-upload.json")
	if err != nil {
		t.Fatal(err)
	}
	// The sample is of another import: it has this one's id put in.
	var event events.S3Event
	if err := json.Unmarshal(sample, &event); err != nil || len(event.Records) != 1 {
		t.Fatalf("%d records, %v", len(event.Records), err)
	}
	parts := strings.SplitN(event.Records[0].S3.Object.Key, "/", 3)
	text := strings.Replace(string(sample), parts[1], id, 1)
	if err := json.Unmarshal([]byte(text), &event); err != nil {
		t.Fatal(err)
	}
	if got := event.Records[0].S3.Object.URLDecodedKey; got != key {
		t.Fatalf("the sample is of %q, want %q", got, key)
	}
	if err := importer.Handle(c.Imports, files)(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	wantStatus(t, c, files, id, model.ImportDone)
}

// Case 52 of the reliability list: keys arrive as in a form.
func TestCase52KeysOfAnyNameComeThroughTheEvent(t *testing.T) {
	c, files := openWithFiles(t)
	for _, name := range []string{"a+b.csv", "100%.csv", "a b.csv", "%2F..%2f.csv", "ä&=?#;.csv", "+"} {
		id, key := uploaded(t, c, files, name, oneSale)
		if err := importer.Handle(c.Imports, files)(t.Context(), importer.Uploaded(key, time.Now())); err != nil {
			t.Fatal(err)
		}
		wantStatus(t, c, files, id, model.ImportDone)
	}
}

func TestWhatIsNoUploadIsPassedOver(t *testing.T) {
	c, files := openWithFiles(t)
	id, key := uploaded(t, c, files, "till.csv", oneSale)
	sample, err := os.ReadFile("../../events/importer-test-event.json")
	if err != nil {
		t.Fatal(err)
	}
	handle := importer.Handle(c.Imports, files)
	var test events.S3Event
	if err := json.Unmarshal(sample, &test); err != nil {
		t.Fatal(err)
	}
	removed := importer.Uploaded(key, time.Now())
	removed.Records[0].EventName = "ObjectRemoved:Delete"
	garbled := importer.Uploaded(key, time.Now())
	garbled.Records[0].S3.Object.Key = "imports/%zz"
	for name, event := range map[string]events.S3Event{
		"s3:TestEvent": test, "nothing": {}, "removed": removed, "garbled": garbled,
		"rejects": importer.Uploaded("rejects/"+id+".csv", time.Now()), "other": importer.Uploaded("reports/x", time.Now()),
		"nobody's": importer.Uploaded("imports/nobody/till.csv", time.Now()),
	} {
		if err := handle(t.Context(), event); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantStatus(t, c, files, id, model.ImportWaiting)
}

// Case 53 of the reliability list, and one upload that fails beside others that do not.
func TestCase53SeveralRecordsTwiceAndOutOfOrder(t *testing.T) {
	c, files := openWithFiles(t)
	var event events.S3Event
	var ids []string
	for range 3 {
		id, key := uploaded(t, c, files, "till.csv", oneSale)
		ids = append(ids, id)
		event.Records = append(importer.Uploaded(key, time.Now()).Records, event.Records...)
	}
	event.Records = append(event.Records, event.Records[0])
	away := errors.New("the bucket is away")
	files.Fail(func(_, key string) error {
		if strings.Contains(key, ids[1]) {
			return away
		}
		return nil
	})
	handle := importer.Handle(c.Imports, files)
	if err := handle(t.Context(), event); !errors.Is(err, away) {
		t.Errorf("%v", err)
	}
	wantStatus(t, c, files, ids[0], model.ImportDone)
	wantStatus(t, c, files, ids[1], model.ImportRunning)
	wantStatus(t, c, files, ids[2], model.ImportDone)
	files.Fail(nil)
	if err := handle(t.Context(), event); err != nil {
		t.Error(err)
	}
	created := int64(0)
	for _, id := range ids {
		im, _, err := c.Imports.Result(t.Context(), files, id)
		if err != nil || im.Created+im.Unchanged != 1 {
			t.Errorf("%+v, %v", im, err)
		}
		created += im.Created
	}
	if created != 1 {
		t.Errorf("the one order was created %d times", created)
	}
}

// Case 61 of the reliability list.
func TestCase61CloseToTheDeadlineNoWriteStarts(t *testing.T) {
	c, files := openWithFiles(t)
	id, key := uploaded(t, c, files, "till.csv", oneSale)
	c.Faults.Set(func(call tabletest.Call) tabletest.Fault {
		if call.Method == "Write" {
			t.Error("a write was started")
			return tabletest.Fault{Before: table.ErrUnavailable}
		}
		return tabletest.Fault{}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := importer.Handle(c.Imports, files)(ctx, importer.Uploaded(key, time.Now())); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	c.Faults.Set(nil)
	wantStatus(t, c, files, id, model.ImportWaiting)
}
