// Package importer handles S3's events: it imports what was uploaded.
package importer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"cafe/internal/imports"
	"cafe/internal/panics"

	"github.com/aws/aws-lambda-go/events"
)

// margin is how long before Lambda stops the function an import ends its attempt, so that
// it is logged and nothing is left half written.
const margin = 5 * time.Second

// Handle returns the handler of S3's events (imports.Importer.Run). When it fails, Lambda
// delivers the event again, twice, and then sets it aside. Uploads of the event that were
// done are not done again.
//
// It ignores whatever is no new object, such as the s3:TestEvent that S3 sends when
// notifications are set up.
func Handle(i *imports.Importer, files imports.Files) func(context.Context, events.S3Event) error {
	return func(ctx context.Context, event events.S3Event) (err error) {
		defer panics.Recover(ctx, &err, "handler", "importer")
		if deadline, has := ctx.Deadline(); has {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
			defer cancel()
		}
		var failed []error
		for n, r := range event.Records {
			if !strings.HasPrefix(r.EventName, "ObjectCreated:") {
				continue
			}
			// Keys arrive as in a form: + is a space (S3 User Guide, "Event message structure").
			key, err := url.QueryUnescape(r.S3.Object.Key)
			if err != nil {
				slog.ErrorContext(ctx, "key of an upload cannot be read", "record", n)
				continue
			}
			if err := i.Run(ctx, files, key); err != nil {
				failed = append(failed, fmt.Errorf("record %d of %d: %w", n, len(event.Records), err))
			}
		}
		return errors.Join(failed...)
	}
}

// Uploaded returns the event that S3 sends about an upload. On one machine package local
// uses it to play the bucket.
func Uploaded(key string, at time.Time) events.S3Event {
	r := events.S3EventRecord{EventVersion: "2.1", EventSource: "aws:s3", EventTime: at, EventName: "ObjectCreated:Put"}
	r.S3.Object.Key = url.QueryEscape(key)
	return events.S3Event{Records: []events.S3EventRecord{r}}
}
