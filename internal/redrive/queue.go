package redrive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// hidden is how long a message is out of sight after it was received, in seconds. It is back
// as soon as the command ends, or after this time if the command was killed.
const hidden = 300

// Queue is a dead-letter queue of SQS.
type Queue struct {
	aws     *AWS
	url     string
	to      string   // where a message goes that does not say so itself; may be empty
	sources []string // URLs of the queues whose messages come here
}

// Queue returns the dead-letter queue of a URL, a name or an ARN. Messages that do not say where
// they came from go to the queue (URL, name or ARN) or the function (ARN) that to names. To may
// be empty: then they stay. A queue that does not exist or has a dead-letter queue of its own is
// an error: reading such a queue would count as failing its messages.
func (a *AWS) Queue(ctx context.Context, name, to string) (*Queue, error) {
	q := &Queue{aws: a, to: to}
	var err error
	if q.url, err = a.url(ctx, name); err != nil {
		return nil, err
	}
	if to != "" && !isFunction(to) {
		if q.to, err = a.url(ctx, to); err != nil {
			return nil, err
		}
	}
	out, err := a.sqs.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
	if err != nil {
		return nil, queueError(name, err)
	}
	if out.Attributes[string(types.QueueAttributeNameRedrivePolicy)] != "" {
		return nil, fmt.Errorf("%s is no dead-letter queue: it has one itself", name)
	}
	if q.to == q.url {
		return nil, fmt.Errorf("%s cannot be sent to itself", name)
	}
	pages := sqs.NewListDeadLetterSourceQueuesPaginator(a.sqs, &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: &q.url})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, queueError(name, err)
		}
		q.sources = append(q.sources, page.QueueUrls...)
	}
	return q, nil
}

func queueError(name string, err error) error {
	if hasCode(err, "QueueDoesNotExist", "NonExistentQueue") {
		return fmt.Errorf("there is no queue %s", name)
	}
	return fmt.Errorf("queue %s: %w", name, err)
}

// url returns the URL of the queue that a URL, a name or an ARN names.
func (a *AWS) url(ctx context.Context, name string) (string, error) {
	if strings.HasPrefix(name, "https://") || strings.HasPrefix(name, "http://") {
		return name, nil
	}
	in := &sqs.GetQueueUrlInput{QueueName: &name}
	if service(name) != "" {
		parts := strings.Split(name, ":")
		if len(parts) != 6 || parts[2] != "sqs" {
			return "", fmt.Errorf("%s is not the ARN of a queue", name)
		}
		in = &sqs.GetQueueUrlInput{QueueName: &parts[5], QueueOwnerAWSAccountId: &parts[4]}
	}
	out, err := a.sqs.GetQueueUrl(ctx, in)
	if err != nil {
		return "", queueError(name, err)
	}
	return aws.ToString(out.QueueUrl), nil
}

// each receives messages until none is left that it has not seen, and only then calls see: a
// message that is sent again and fails at once is not sent in circles. Those that see did not
// remove come in sight again afterwards.
func (q *Queue) each(ctx context.Context, see func(held)) error {
	receipts := map[string]*string{} // newest receipt handle of each message that is still there, by id
	defer func() {
		for _, receipt := range receipts {
			// This must run after an interrupt, too. If it fails, the message comes back by itself.
			_, _ = q.aws.sqs.ChangeMessageVisibility(context.WithoutCancel(ctx), &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.url, ReceiptHandle: receipt})
		}
	}()
	var all []types.Message
	for {
		out, err := q.aws.sqs.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &q.url, MaxNumberOfMessages: 10, VisibilityTimeout: hidden,
			WaitTimeSeconds:             q.aws.wait,
			MessageAttributeNames:       []string{"All"},
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		})
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		before := len(receipts)
		for _, m := range out.Messages {
			id := aws.ToString(m.MessageId)
			if receipts[id] == nil {
				all = append(all, m)
			}
			receipts[id] = m.ReceiptHandle
		}
		if len(receipts) == before {
			break
		}
	}
	for _, m := range all {
		h := q.open(m)
		h.remove = func(ctx context.Context) error {
			_, err := q.aws.sqs.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: receipts[h.ID]})
			if err == nil {
				delete(receipts, h.ID)
			}
			return err
		}
		see(h)
	}
	return nil
}

// open finds out what a message is, why it is here, and where it goes again.
func (q *Queue) open(m types.Message) held {
	attribute := func(names ...string) string {
		for _, name := range names {
			if a, ok := m.MessageAttributes[name]; ok {
				return aws.ToString(a.StringValue)
			}
		}
		return ""
	}
	body := aws.ToString(m.Body)
	h := held{Letter: Letter{ID: aws.ToString(m.MessageId), Kind: "message", Holds: body, At: sentAt(m), To: q.to}}
	// SNS and Lambda name their attributes one way, EventBridge the other ("Amazon SNS
	// dead-letter queues"; EventBridge Scheduler User Guide, "Configuring a dead-letter queue").
	h.Reason = join(attribute("ErrorCode", "ERROR_CODE"), attribute("ErrorMessage", "ERROR_MESSAGE"), attribute("EXHAUSTED_RETRY_CONDITION"))
	h.send = func(ctx context.Context) error { return q.deliver(ctx, h.To, m.Body, ownAttributes(m)) }
	refuse := func(why string) { h.send = func(context.Context) error { return errors.New(why) } }

	var notice struct{ Type, TopicArn string }
	r, called := read([]byte(body))
	source, sole := m.Attributes[string(types.MessageSystemAttributeNameDeadLetterQueueSourceArn)], ""
	if len(q.sources) == 1 && h.Reason == "" {
		sole = q.sources[0]
	}
	switch target := attribute("TARGET_ARN"); {
	case source != "":
		h.To, h.Reason = source, unread(m)
		h.send = func(ctx context.Context) error { return q.deliver(ctx, source, m.Body, m.MessageAttributes) }
	case target != "":
		h.Kind, h.To = "schedule", target
		switch {
		case attribute("IS_PAYLOAD_TRUNCATED") == "true":
			refuse("its input was cut short")
		case !isFunction(target) && !strings.HasPrefix(service(target), "sqs:"):
			refuse("it is for " + target + ", which is started by hand (docs/runbook.md, ReportAlarm)")
		}
	case called:
		r.fill(&h.Letter)
		h.send = func(ctx context.Context) error { return q.aws.again(ctx, r) }
	case sole != "":
		h.To, h.Reason = sole, unread(m)
	case json.Unmarshal([]byte(body), &notice) == nil && notice.Type == "Notification" && notice.TopicArn != "":
		h.Kind = "notification"
		h.Reason = join(h.Reason, "from "+notice.TopicArn)
		if q.to == "" {
			refuse("SNS does not say which subscriber it could not reach: name it with -to")
		}
	case q.to == "":
		refuse("it does not say where it came from: name where it goes with -to")
	}
	return h
}

// unread says why a message is in the dead-letter queue of another queue.
func unread(m types.Message) string {
	return "its reader did not delete it; received " + m.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)] + " times in all"
}

// deliver sends a message to a queue, or calls a function with it.
func (q *Queue) deliver(ctx context.Context, to string, body *string, attributes map[string]types.MessageAttributeValue) error {
	if isFunction(to) {
		return q.aws.start(ctx, to, []byte(aws.ToString(body)))
	}
	url, err := q.aws.url(ctx, to)
	if err != nil {
		return err
	}
	_, err = q.aws.sqs.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &url, MessageBody: body, MessageAttributes: attributes})
	return err
}

// ownAttributes returns the attributes of a message without those that AWS added about the failure.
func ownAttributes(m types.Message) map[string]types.MessageAttributeValue {
	own := maps.Clone(m.MessageAttributes)
	for _, name := range []string{
		"RequestID", "ErrorCode", "ErrorMessage", "ERROR_CODE", "ERROR_MESSAGE", "EXECUTION_ID", "EXHAUSTED_RETRY_CONDITION",
		"IS_PAYLOAD_TRUNCATED", "RETRY_ATTEMPTS", "SCHEDULED_TIME", "SCHEDULE_ARN", "TARGET_ARN", "RULE_ARN",
	} {
		delete(own, name)
	}
	return own
}

// sentAt returns when the message was sent, in RFC 3339.
func sentAt(m types.Message) string {
	ms, err := strconv.ParseInt(m.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	if err != nil {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339)
}

// join joins the parts that are not empty.
func join(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		if p != "" && b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(p)
	}
	return b.String()
}
