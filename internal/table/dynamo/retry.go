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

// newPolicy returns the retry policy of the table's calls. It keeps the SDK's standard
// rules and its retry budget, which prevents a flood of retries while DynamoDB is down.
// The pauses are short enough for an API call; the SDK's own go up to 20 seconds.
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
			// A random pause below 50, 100, 200 ms and so on.
			return rand.N(min(50*time.Millisecond<<min(attempt-1, 20), longest)), nil
		})
		so.Retryables = append(so.Retryables, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			return aws.BoolTernary(errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errAltered) || onlyThrottled(err))
		}))
	})
}

// call is one call to DynamoDB with its retries. It is also the retryer of the call, so
// it sees how each attempt ended.
//
// A conditional write may take effect and its answer may get lost. When it is sent again,
// its own condition fails, because of its own first attempt. The SDK returns only that
// last failure. So call remembers in inDoubt whether an earlier attempt may have taken
// effect. A single write that is then refused is judged by the item:
//
//   - If the item is exactly as the write would have left it, the write succeeded. Either
//     it took effect, or somebody wrote the same. Items carry versions, ids and times, so
//     only a repetition of this write writes the same.
//   - If the item is different, the result is table.ErrUnavailable. The write may have
//     taken effect, and another write may have followed it. The caller may ask again.
//
// A delete, and an update that only removes, leave no trace in the item. The second rule
// holds for them.
type call struct {
	aws.RetryerV2
	repeatable bool // it may be sent again although an earlier attempt may have taken effect
	inDoubt    bool // an earlier attempt may have taken effect

	first *firstAttempt // nil if fast sent nothing
}

func (t *Table) newCall(repeatable bool) *call {
	return &call{RetryerV2: t.retries, repeatable: repeatable}
}

func (s *call) options(o *dynamodb.Options) {
	o.Retryer = s
	if s.first != nil {
		s.first.HTTPClient, o.HTTPClient = o.HTTPClient, s.first
	}
}

// IsErrorRetryable implements aws.Retryer. The SDK calls it after each failed attempt.
func (s *call) IsErrorRetryable(err error) bool {
	again := s.RetryerV2.IsErrorRetryable(err)
	if wroteNothing(err) {
		return again
	}
	s.inDoubt = true
	return again && s.repeatable
}

// wroteNothing reports whether the attempt that ended with err certainly wrote nothing:
// no connection was made, or DynamoDB refused the request.
func wroteNothing(err error) bool {
	var network *net.OpError
	if errors.As(err, &network) && network.Op == "dial" {
		return true
	}
	var answer interface{ HTTPStatusCode() int }
	return errors.As(err, &answer) && answer.HTTPStatusCode()/100 == 4 && answer.HTTPStatusCode() != http.StatusRequestTimeout
}

// repeatable reports whether a single write may be sent again although it may have taken
// effect. Putting, setting, removing and deleting have the same result when done twice.
// Adding does not, unless the update makes its own condition false, so that the second
// one is refused.
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

// showsEffect reports whether the item is as op would have left it.
func showsEffect(op table.Op, current table.Item) bool {
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

// startOf returns the number that op's conditions require of an attribute. known is false
// if they require none.
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

// refusal turns the error of a single write into one of package table. It returns nil if
// the write took effect after all.
func (s *call) refusal(ctx context.Context, op table.Op, err error) error {
	var refused *types.ConditionalCheckFailedException
	if !errors.As(err, &refused) {
		return s.failure(ctx, err)
	}
	current, decodeErr := decodeCurrent(refused.Item)
	switch {
	case decodeErr != nil:
		return decodeErr
	case s.inDoubt && showsEffect(op, current):
		return nil
	case s.inDoubt:
		return fmt.Errorf("%w: it was refused when sent again, and may have taken effect before", table.ErrUnavailable)
	case outOfRange(op, current):
		return fmt.Errorf("%w: it adds to a value that is not a number, or the sum is beyond 64 bits", table.ErrInvalid)
	}
	return &table.ConditionError{Failures: []table.Failure{{Item: current}}}
}

// cancellation turns the error of a transaction into one of package table.
//
// DynamoDB does not check the conditions of an operation that was in conflict or
// throttled. So the refusals beside it are not the whole answer. For example, an order
// that took the last cake is sent again: it may be in conflict on the order and refused
// on the cake. Then the result is table.ErrConflict or table.ErrThrottled. The caller may
// ask again and gets the whole answer.
func (s *call) cancellation(ctx context.Context, ops []table.Op, err error) error {
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
			current, err := decodeCurrent(reason.Item)
			switch {
			case err != nil:
				return err
			case outOfRange(ops[i], current):
				invalid = fmt.Errorf("%w: it adds to a value of %s that is not a number, or the sum is beyond 64 bits", table.ErrInvalid, ops[i].Key)
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
		return s.unlessInDoubt(table.ErrConflict, err)
	case throttled:
		return s.unlessInDoubt(table.ErrThrottled, err)
	case len(refused.Failures) > 0:
		return refused
	case invalid != nil:
		return invalid
	}
	return s.failure(ctx, err)
}

// failure turns any other error into one of package table. It wraps the SDK's error too,
// for the log.
func (s *call) failure(ctx context.Context, err error) error {
	switch code(err) {
	case "TransactionConflictException":
		return s.unlessInDoubt(table.ErrConflict, err)
	case "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "LimitExceededException":
		return s.unlessInDoubt(table.ErrThrottled, err)
	case "TransactionCanceledException":
		if onlyThrottled(err) {
			return s.unlessInDoubt(table.ErrThrottled, err)
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

// unlessInDoubt returns the sentinel, which says that nothing was written. If an earlier
// attempt is in doubt it returns table.ErrUnavailable instead. Both wrap err.
func (s *call) unlessInDoubt(sentinel, err error) error {
	if s.inDoubt {
		sentinel = table.ErrUnavailable
	}
	return fmt.Errorf("%w: %w", sentinel, err)
}

// validation returns the error of package table for the message of a ValidationException.
// DynamoDB has no code of its own for sizes. It says "Item size has exceeded the maximum
// allowed size", "Item size to update has exceeded …", or "… aggregate size of items …
// exceeded …".
func validation(message string) error {
	message = strings.ToLower(message)
	if strings.Contains(message, "size") && strings.Contains(message, "exceed") && strings.Contains(message, "item") {
		return table.ErrTooLarge
	}
	return table.ErrInvalid
}

// onlyThrottled reports whether err is a transaction that was canceled only because of
// throttling. The SDK does not retry that by itself.
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

// code returns DynamoDB's code of the error, or "" if the error is not from DynamoDB.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// decodeCurrent decodes the item that DynamoDB sends with a refusal. It returns nil if
// there was no item.
func decodeCurrent(m attributes) (table.Item, error) {
	if len(m) == 0 {
		return nil, nil
	}
	row, err := decodeRow(m)
	return row.Item, err
}
