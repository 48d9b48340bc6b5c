// Package redrive shows what AWS itself could not deliver, and sends it again. Such dead letters
// are in SQS queues and in the stack's bucket (template.yaml: RedrivePolicy, DeadLetterConfig,
// OnFailure). What the café itself could not do is in its table: package deadletters.
package redrive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

// Letter is a dead letter of AWS.
type Letter struct {
	ID     string `json:"id"`           // a message's id, or an object's key
	Kind   string `json:"kind"`         // message, notification, schedule, call or stream; unreadable
	At     string `json:"at"`           // when it was put there, in RFC 3339
	To     string `json:"to,omitempty"` // the ARN or URL that it goes to again; absent: it does not say so
	Reason string `json:"reason"`
	Holds  string `json:"holds"` // what it holds, as it was
}

// held is a letter and what can be done with it.
type held struct {
	Letter
	send   func(context.Context) error // sends it again
	remove func(context.Context) error // removes it from where it lies
}

// Source is a place that holds dead letters: a Queue or a Bucket.
type Source interface {
	// each calls see once with each letter that is there now, not with those that come
	// meanwhile. A letter that see did not remove stays.
	each(ctx context.Context, see func(held)) error
}

// List returns the letters of a source. It changes nothing for good: messages of a queue are
// out of sight of others while it runs.
func List(ctx context.Context, s Source) (letters []Letter, err error) {
	err = s.each(ctx, func(h held) { letters = append(letters, h.Letter) })
	return letters, err
}

// Send sends letters again: those with the ids, or all if there are none. It returns how many
// were sent and removed. A letter is removed only after it was sent, so none is lost; one that
// could not be removed is sent twice. A letter that fails stays and holds up no other. The
// error has all failures, and the ids that do not exist.
func Send(ctx context.Context, s Source, ids []string) (sent int, err error) {
	missing := slices.Clone(ids)
	var failures []error
	err = s.each(ctx, func(h held) {
		if len(ids) > 0 && !slices.Contains(ids, h.ID) {
			return
		}
		missing = slices.DeleteFunc(missing, func(id string) bool { return id == h.ID })
		if err := h.send(ctx); err != nil {
			failures = append(failures, fmt.Errorf("%s: %w", h.ID, err))
			return
		}
		if err := h.remove(ctx); err != nil {
			failures = append(failures, fmt.Errorf("%s was sent, but is still there and will be sent again the next time: %w", h.ID, err))
			return
		}
		sent++
	})
	if err != nil {
		failures = append(failures, err)
	} else {
		for _, id := range missing {
			failures = append(failures, fmt.Errorf("%s: there is no such dead letter", id))
		}
	}
	return sent, errors.Join(failures...)
}

// AWS has the clients of the services that are needed.
type AWS struct {
	sqs    *sqs.Client
	s3     *s3.Client
	lambda *lambda.Client
	wait   int32 // seconds that receiving waits for messages; without waiting, an empty answer of AWS means little
}

// Connect makes the clients from all that the SDK reads: the environment (AWS_REGION,
// AWS_PROFILE, AWS_ENDPOINT_URL_SQS and so on), profiles, SSO and instance roles. It sends nothing.
func Connect(ctx context.Context) (*AWS, error) {
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("AWS configuration: no region; set AWS_REGION")
	}
	return &AWS{
		sqs: sqs.NewFromConfig(cfg),
		s3: s3.NewFromConfig(cfg, func(o *s3.Options) {
			o.UsePathStyle = o.BaseEndpoint != nil // a stand-in has no host names for buckets
			o.DisableLogOutputChecksumValidationSkipped = true
		}),
		lambda: lambda.NewFromConfig(cfg),
		wait:   1,
	}, nil
}

// record is what Lambda writes about a call that failed for good (Lambda Developer Guide,
// "Retaining records of asynchronous invocations" and "Retain discarded records for a DynamoDB
// event source in Lambda").
type record struct {
	Timestamp      string
	RequestContext struct {
		FunctionArn            string
		Condition              string
		ApproximateInvokeCount int
	}
	ResponseContext struct{ FunctionError string }
	ResponsePayload struct{ ErrorMessage string }
	RequestPayload  json.RawMessage // the event of an asynchronous call
	// Batch says which records of the table's stream failed.
	Batch *struct {
		ShardID             string
		StartSequenceNumber string
		EndSequenceNumber   string
		BatchSize           int
	} `json:"DDBStreamBatchInfo"`
	Payload json.RawMessage // the event with these records, as text; in S3 only
}

// read reads what Lambda wrote. It reports whether it is that.
func read(body []byte) (r record, ok bool) {
	err := json.Unmarshal(body, &r)
	return r, err == nil && r.RequestContext.FunctionArn != ""
}

// fill says what the record tells.
func (r record) fill(l *Letter) {
	l.Kind, l.To, l.Holds = "call", r.RequestContext.FunctionArn, string(r.RequestPayload)
	if r.Batch != nil {
		l.Kind, l.Holds = "stream", string(r.event())
	}
	if r.Timestamp != "" {
		l.At = r.Timestamp
	}
	said := []string{r.RequestContext.Condition, fmt.Sprintf("called %d times", r.RequestContext.ApproximateInvokeCount)}
	for _, s := range []string{r.ResponseContext.FunctionError, r.ResponsePayload.ErrorMessage} {
		if s != "" {
			said = append(said, s)
		}
	}
	l.Reason = strings.Join(said, ", ")
}

// event returns the event with the stream's records; empty: it is not there.
func (r record) event() []byte {
	var text string
	if json.Unmarshal(r.Payload, &text) == nil {
		return []byte(text)
	}
	return r.Payload
}

// again makes the call again. Lambda keeps the event of an asynchronous call from then on, and
// puts it back should it fail again. A call with a stream's records must succeed, each of them.
func (a *AWS) again(ctx context.Context, r record) error {
	if r.Batch == nil {
		if len(r.RequestPayload) == 0 {
			return errors.New("it does not hold the event of the call")
		}
		return a.start(ctx, r.RequestContext.FunctionArn, r.RequestPayload)
	}
	event := r.event()
	if len(event) == 0 {
		return errors.New("it names the records but does not hold them; Lambda stores them in a bucket only")
	}
	out, err := a.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &r.RequestContext.FunctionArn, Payload: event})
	if err != nil {
		return err
	}
	if out.FunctionError != nil {
		return fmt.Errorf("the function failed: %s", out.Payload)
	}
	var answer struct {
		BatchItemFailures []struct{ ItemIdentifier string }
	}
	if err := json.Unmarshal(out.Payload, &answer); err != nil {
		return fmt.Errorf("the function's answer cannot be read: %w", err)
	}
	if len(answer.BatchItemFailures) > 0 {
		return fmt.Errorf("the function failed at record %s; its log says why", answer.BatchItemFailures[0].ItemIdentifier)
	}
	return nil
}

// start calls a function and does not wait for it.
func (a *AWS) start(ctx context.Context, function string, event []byte) error {
	_, err := a.lambda.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: event, InvocationType: lambdatypes.InvocationTypeEvent})
	return err
}

// hasCode reports whether AWS answered with one of the error codes.
func hasCode(err error, codes ...string) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && slices.ContainsFunc(codes, func(c string) bool { return strings.HasSuffix(answer.ErrorCode(), c) })
}

func isFunction(arn string) bool { return strings.HasPrefix(service(arn), "lambda:") }

// service returns an ARN from its service on; empty: it is no ARN.
func service(arn string) string {
	parts := strings.SplitN(arn, ":", 3)
	if len(parts) < 3 || parts[0] != "arn" {
		return ""
	}
	return parts[2]
}
