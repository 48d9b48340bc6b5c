package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"cafe/internal/deadletters"
	"cafe/internal/imports"
	"cafe/internal/panics"
	"cafe/internal/records"
)

// Box is where SetAside puts uploads that could not be imported.
type Box interface {
	NoteFailure(ctx context.Context, l deadletters.Letter, tries int64) error
	Succeeded(ctx context.Context, id string) error
	Waiting(ctx context.Context, kind deadletters.Kind) ([]deadletters.Letter, error)
}

// Handler handles events of S3.
type Handler = func(context.Context, events.S3Event) error

// SetAside returns a handler that notes each upload that failed. After deadletters.Tries it is
// a dead letter, until it is imported after all. A failure of the store is not counted.
func SetAside(box Box, handle Handler) Handler {
	return func(ctx context.Context, event events.S3Event) (err error) {
		defer panics.Recover(ctx, &err, "handler", "importer")
		err = handle(ctx, event)
		for _, r := range event.Records {
			key, bad := url.QueryUnescape(r.S3.Object.Key)
			id, is := imports.UploadID(key)
			if bad != nil || !is {
				continue
			}
			letter := deadletters.Letter{
				ID: deadletters.ID(deadletters.KindUpload, id), Kind: deadletters.KindUpload, About: "imports/" + id, Content: key,
			}
			if err == nil {
				if removed := box.Succeeded(ctx, letter.ID); removed != nil {
					slog.WarnContext(ctx, "dead letter of an upload that is done could not be removed", "import", id, "error", removed.Error())
				}
				continue
			}
			if letter.Reason = err.Error(); records.IsUnreachable(err) {
				continue
			}
			if kept := box.NoteFailure(ctx, letter, deadletters.Tries); kept != nil {
				return errors.Join(err, fmt.Errorf("keep dead letter: %w", kept))
			}
		}
		return err
	}
}

// Redrive has the uploads imported whose dead letters are to be sent again.
func Redrive(ctx context.Context, box Box, run func(ctx context.Context, key string) error) error {
	letters, err := box.Waiting(ctx, deadletters.KindUpload)
	if err != nil {
		return fmt.Errorf("dead letters: %w", err)
	}
	var failed []error
	for _, l := range letters {
		failed = append(failed, run(ctx, l.Content))
	}
	return errors.Join(failed...)
}

// HandleOrRedrive returns the handler of S3's events, which also takes {"redrive":true} from a
// schedule: it then calls Redrive. An event that is neither is an error.
func HandleOrRedrive(box Box, handle Handler) func(context.Context, json.RawMessage) error {
	return func(ctx context.Context, raw json.RawMessage) (err error) {
		defer panics.Recover(ctx, &err, "handler", "importer")
		var event struct {
			events.S3Event
			Service string // of the s3:TestEvent
			Redrive bool   `json:"redrive"`
		}
		if err := json.Unmarshal(raw, &event); err != nil {
			return fmt.Errorf("decode event: %w", err)
		}
		switch {
		case event.Redrive:
			return Redrive(ctx, box, func(ctx context.Context, key string) error { return handle(ctx, Uploaded(key, time.Now())) })
		case event.Records != nil || event.Service != "":
			return handle(ctx, event.S3Event)
		}
		return errors.New("event is neither of S3 nor of the schedule")
	}
}
