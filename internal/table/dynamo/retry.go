package dynamo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"time"

	"cafe/internal/table"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"
)

// newPolicy returns how the table's calls are retried: the SDK's standard rules and
// its budget, which stops a crowd of retries when DynamoDB is down, with pauses that
// an API call can afford. The SDK's own pauses go up to 20 seconds.
func newPolicy(o Options) aws.RetryerV2 {
	attempts, longest := o.Attempts, o.MaxBackoff
	if attempts <= 0 {
		attempts = 4
	}
	if longest <= 0 {
		longest = 500 * time.Millisecond
	}
	return retry.NewStandard(func(so *retry.StandardOptions) {
		so.MaxAttempts = attempts
		so.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			// Full jitter below 50, 100, 200 ms …
			return rand.N(min(50*time.Millisecond<<min(attempt-1, 20), longest)), nil
		})
		so.Retryables = append(so.Retryables, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			return aws.BoolTernary(errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errAltered) || onlyThrottled(err))
		}))
	})
}

// sending is one call under way, with its retries. It is the call's retryer, and
// so sees how each attempt ended.
//
// A conditional write that landed and whose answer was lost is refused when it is
// sent again: by its own doing. The SDK shows the refusal alone. Hence doubt, and
// what becomes of a refused single write then:
//
//   - the item stands just as the write would have left it: success. Either the
//     write landed, or somebody wrote the very same; items carry versions, ids and
//     times, so the very same is a repetition of this write.
//   - it stands otherwise: ErrUnavailable, since the write may have landed and been
//     overtaken. A caller who must know asks again, which is safe.
//
// A delete, and an update that only removes, leave nothing to know them by: the
// second rule holds for them.
type sending struct {
	aws.RetryerV2
	repeatable bool // may be sent again when nobody knows whether it landed
	doubt      bool // an attempt ended so
}

func (t *Table) sending(repeatable bool) *sending {
	return &sending{RetryerV2: t.retries, repeatable: repeatable}
}

func (s *sending) options(o *dynamodb.Options) { o.Retryer = s }

// IsErrorRetryable is asked after each attempt that failed.
func (s *sending) IsErrorRetryable(err error) bool {
	again := s.RetryerV2.IsErrorRetryable(err)
	if nothingDone(err) {
		return again
	}
	s.doubt = true
	return again && s.repeatable
}

// nothingDone tells whether the attempt that ended with err certainly wrote nothing:
// no connection came about, or DynamoDB refused the request.
func nothingDone(err error) bool {
	var network *net.OpError
	if errors.As(err, &network) && network.Op == "dial" {
		return true
	}
	var answer interface{ HTTPStatusCode() int }
	return errors.As(err, &answer) && answer.HTTPStatusCode()/100 == 4 && answer.HTTPStatusCode() != http.StatusRequestTimeout
}

// repeatable tells whether a single write may be sent again when nobody knows
// whether it landed. Putting, setting, removing and deleting come to the same when
// done twice. Adding does not, unless the update itself ends what it depends on, so
// that the second one is refused.
func repeatable(op table.Op) bool {
	if len(op.Add) == 0 {
		return true
	}
	for _, c := range op.If {
		set, isSet := op.Set[c.Attr]
		added, isAdded := op.Add[c.Attr]
		switch c.Kind {
		case table.CondAbsent:
			return true
		case table.CondMissing:
			if isSet || isAdded {
				return true
			}
		case table.CondEqual:
			if isSet && !set.Equal(c.Value) || added != 0 {
				return true
			}
		case table.CondBelow:
			if isSet && !c.Holds(table.Item{c.Attr: set}) {
				return true
			}
		}
	}
	return false
}

// stands tells whether the item is as op would have left it, had op landed.
func stands(op table.Op, current table.Item) bool {
	switch {
	case current == nil:
		return false
	case op.Kind == table.OpPut:
		return current.Equal(op.Item)
	case op.Kind != table.OpUpdate || len(op.Set)+len(op.Add) == 0:
		return false
	}
	for name, v := range op.Set {
		if got, has := current[name]; !has || !got.Equal(v) {
			return false
		}
	}
	for name, n := range op.Add {
		was, known := startOf(op, name)
		if got, ok := current[name].Int(); !known || !ok || got != was+n {
			return false
		}
	}
	for _, name := range op.Remove {
		if _, has := current[name]; has {
			return false
		}
	}
	return true
}

// startOf returns the number that op's conditions ask an attribute to be.
func startOf(op table.Op, attr string) (n int64, known bool) {
	for _, c := range op.If {
		switch {
		case c.Kind == table.CondAbsent, c.Kind == table.CondMissing && c.Attr == attr:
			return 0, true
		case c.Kind == table.CondEqual && c.Attr == attr:
			return c.Value.Int()
		}
	}
	return 0, false
}

// refusal turns the error of a single write into the seam's; nil when the write did
// land after all.
func (s *sending) refusal(ctx context.Context, op table.Op, err error) error {
	var refused *types.ConditionalCheckFailedException
	if !errors.As(err, &refused) {
		return s.failure(ctx, err)
	}
	current, decodeErr := asItStood(refused.Item)
	switch {
	case decodeErr != nil:
		return decodeErr
	case s.doubt && stands(op, current):
		return nil
	case s.doubt:
		return fmt.Errorf("%w: refused when sent again, and may have landed before", table.ErrUnavailable)
	case outOfRange(op, current):
		return fmt.Errorf("%w: add to what is no number, or beyond 64 bits", table.ErrInvalid)
	}
	return &table.ConditionError{Failures: []table.Failure{{Item: current}}}
}

// cancellation turns the error of a transaction into the seam's.
//
// An operation that was in conflict or throttled was not looked at, so that a
// refusal of others beside it is not the whole answer: the repetition of an order
// that just took the last cake may be in conflict on the order and refused on the
// cake. Then it is ErrConflict or ErrThrottled, and asking again, which is safe,
// tells all.
func (s *sending) cancellation(ctx context.Context, ops []table.Op, err error) error {
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) || len(canceled.CancellationReasons) != len(ops) {
		return s.failure(ctx, err)
	}
	var conflict, throttled bool
	var invalid error
	refused := &table.ConditionError{}
	for i, reason := range canceled.CancellationReasons {
		switch aws.ToString(reason.Code) {
		case "", "None":
		case "ConditionalCheckFailed":
			current, err := asItStood(reason.Item)
			switch {
			case err != nil:
				return err
			case outOfRange(ops[i], current):
				invalid = fmt.Errorf("%w: add to what is no number, or beyond 64 bits, in %s", table.ErrInvalid, ops[i].Key)
			default:
				refused.Failures = append(refused.Failures, table.Failure{Op: i, Item: current})
			}
		case "TransactionConflict":
			conflict = true
		case "ProvisionedThroughputExceeded", "ThrottlingError", "RequestLimitExceeded":
			throttled = true
		case "ItemCollectionSizeLimitExceeded":
			invalid = fmt.Errorf("%w: %s: %w", table.ErrTooLarge, ops[i].Key, err)
		case "ValidationError":
			invalid = fmt.Errorf("%w: %s: %w", validation(aws.ToString(reason.Message)), ops[i].Key, err)
		default:
			return s.failure(ctx, err)
		}
	}
	switch {
	case conflict:
		return s.unless(table.ErrConflict, err)
	case throttled:
		return s.unless(table.ErrThrottled, err)
	case len(refused.Failures) > 0:
		return refused
	case invalid != nil:
		return invalid
	}
	return s.failure(ctx, err)
}

// failure turns an error that is no refusal into the seam's, with the SDK's own
// wrapped for the log.
func (s *sending) failure(ctx context.Context, err error) error {
	switch code(err) {
	case "TransactionConflictException":
		return s.unless(table.ErrConflict, err)
	case "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "LimitExceededException":
		return s.unless(table.ErrThrottled, err)
	case "TransactionCanceledException":
		if onlyThrottled(err) {
			return s.unless(table.ErrThrottled, err)
		}
	case "ValidationException":
		return fmt.Errorf("%w: %w", validation(err.Error()), err)
	case "ItemCollectionSizeLimitExceededException", "RequestEntityTooLarge":
		return fmt.Errorf("%w: %w", table.ErrTooLarge, err)
	}
	var answer interface{ HTTPStatusCode() int }
	if errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusRequestEntityTooLarge {
		return fmt.Errorf("%w: %w", table.ErrTooLarge, err)
	}
	if ended := ctx.Err(); ended != nil {
		return fmt.Errorf("%w: %w", ended, err)
	}
	return fmt.Errorf("%w: %w", table.ErrUnavailable, err)
}

// unless says that nothing was written, unless an earlier attempt is in doubt.
func (s *sending) unless(nothing, err error) error {
	if s.doubt {
		nothing = table.ErrUnavailable
	}
	return fmt.Errorf("%w: %w", nothing, err)
}

// validation tells by its message which error of the seam a ValidationException is.
// DynamoDB has no code for sizes: "Item size has exceeded the maximum allowed size",
// "Item size to update has exceeded …", "… aggregate size of items … exceeded …".
func validation(message string) error {
	message = strings.ToLower(message)
	if strings.Contains(message, "size") && strings.Contains(message, "exceed") && strings.Contains(message, "item") {
		return table.ErrTooLarge
	}
	return table.ErrInvalid
}

// onlyThrottled tells whether err is a transaction that was canceled for nothing but
// its pace, which the SDK does not retry by itself.
func onlyThrottled(err error) bool {
	var canceled *types.TransactionCanceledException
	if !errors.As(err, &canceled) {
		return false
	}
	throttled := false
	for _, reason := range canceled.CancellationReasons {
		switch aws.ToString(reason.Code) {
		case "", "None":
		case "ProvisionedThroughputExceeded", "ThrottlingError", "RequestLimitExceeded":
			throttled = true
		default:
			return false
		}
	}
	return throttled
}

// code returns DynamoDB's name for the error, or "" when it is none of DynamoDB's.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// asItStood decodes the item that comes with a refusal; nil when there was none.
func asItStood(m attributes) (table.Item, error) {
	if len(m) == 0 {
		return nil, nil
	}
	row, err := decodeRow(m)
	return row.Item, err
}
