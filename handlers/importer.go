package handlers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"cafe/internal/cafe"
)

// importMargin is how long before Lambda stops the function an import ends its attempt,
// to say so in the log and leave nothing half written.
const importMargin = 5 * time.Second

// Import returns the handler of S3's events: it imports what was uploaded
// (Cafe.Import). On an error Lambda tells the event again, twice, and then keeps it;
// uploads of the event that were done are not done again.
//
// What is no new object, as the s3:TestEvent that S3 sends when notifications are set
// up, is passed over.
func Import(c *cafe.Cafe, files cafe.Files) func(context.Context, events.S3Event) error {
	return func(ctx context.Context, event events.S3Event) (err error) {
		defer recovered(ctx, "importer", &err)
		if deadline, has := ctx.Deadline(); has {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-importMargin))
			defer cancel()
		}
		var failed []error
		for i, r := range event.Records {
			if !strings.HasPrefix(r.EventName, "ObjectCreated:") {
				continue
			}
			// Keys arrive as in a form: + is a space (S3 User Guide, "Event message structure").
			key, err := url.QueryUnescape(r.S3.Object.Key)
			if err != nil {
				slog.ErrorContext(ctx, "key of an upload cannot be read", "record", i)
				continue
			}
			if err := c.Import(ctx, files, key); err != nil {
				failed = append(failed, fmt.Errorf("record %d of %d: %w", i, len(event.Records), err))
			}
		}
		return errors.Join(failed...)
	}
}

// Uploaded makes the event that S3 sends of an upload. The one process uses it to play
// the bucket.
func Uploaded(key string, at time.Time) events.S3Event {
	r := events.S3EventRecord{EventVersion: "2.1", EventSource: "aws:s3", EventTime: at, EventName: "ObjectCreated:Put"}
	r.S3.Object.Key = url.QueryEscape(key)
	return events.S3Event{Records: []events.S3EventRecord{r}}
}
