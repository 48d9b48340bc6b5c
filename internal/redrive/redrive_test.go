package redrive

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const function = "arn:aws:lambda:eu-west-2:123456789012:function:cafe-ledger"

// functions stands in for Lambda.
type functions struct {
	mu     sync.Mutex
	answer string // of a call that is waited for
	failed bool   // such a call fails
	calls  []string
}

func (f *functions) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	name := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/2015-03-31/functions/"), "/invocations")
	how := r.Header.Get("X-Amz-Invocation-Type")
	f.calls = append(f.calls, how+" "+name+" "+string(body))
	if strings.Contains(name, "nobody") {
		w.Header().Set("X-Amzn-ErrorType", "ResourceNotFoundException")
		w.WriteHeader(404)
		fmt.Fprint(w, `{"Message":"no such function"}`)
		return
	}
	if how == "Event" {
		w.WriteHeader(202)
		return
	}
	if f.failed {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
	}
	fmt.Fprint(w, f.answer)
}

func (f *functions) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func standIn(t *testing.T) *functions {
	f := &functions{answer: `{"batchItemFailures":[]}`}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	for name, value := range map[string]string{
		"AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_ENDPOINT_URL_LAMBDA": server.URL,
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	} {
		t.Setenv(name, value)
	}
	return f
}

func connect(t *testing.T) *AWS {
	t.Helper()
	a, err := Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a.wait = 0
	return a
}

// cloud is moto, behind a proxy that may refuse to delete.
type cloud struct {
	*testing.T
	*AWS
	functions *functions
	keeps     atomic.Bool // deleting is refused
}

func openCloud(t *testing.T) *cloud {
	t.Helper()
	moto := os.Getenv("AWS_ENDPOINT_URL_SQS")
	if moto == "" || os.Getenv("AWS_ENDPOINT_URL_S3") != moto {
		t.Skip(`SKIPPED: AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_S3 are not set: start moto with eval "$(.ci/moto env)"`)
	}
	if strings.Contains(moto, "amazonaws.") {
		t.Fatal("AWS_ENDPOINT_URL_SQS is AWS itself: this test is not to cost money")
	}
	to, err := url.Parse(moto)
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{T: t, functions: standIn(t)}
	pass := httputil.NewSingleHostReverseProxy(to)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.keeps.Load() && (r.Method == http.MethodDelete || r.Header.Get("X-Amz-Target") == "AmazonSQS.DeleteMessage") {
			http.Error(w, `{"__type":"AccessDenied","message":"must not delete"}`, http.StatusForbidden)
			return
		}
		pass.ServeHTTP(w, r)
	}))
	t.Cleanup(proxy.Close)
	t.Setenv("AWS_ENDPOINT_URL_SQS", proxy.URL)
	t.Setenv("AWS_ENDPOINT_URL_S3", proxy.URL)
	c.AWS = connect(t)
	return c
}

func (c *cloud) check(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

func (c *cloud) create(name string, attributes map[string]string) string {
	c.Helper()
	out, err := c.sqs.CreateQueue(c.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	c.check(err)
	return *out.QueueUrl
}

func (c *cloud) put(queue, body string, attributes map[string]string) string {
	c.Helper()
	in := &sqs.SendMessageInput{QueueUrl: &queue, MessageBody: &body, MessageAttributes: map[string]types.MessageAttributeValue{}}
	for name, value := range attributes {
		in.MessageAttributes[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
	}
	out, err := c.sqs.SendMessage(c.Context(), in)
	c.check(err)
	return *out.MessageId
}

// bodies takes all messages out of a queue and returns them, each with its attributes' names, sorted.
func (c *cloud) bodies(queue string) (all []string) {
	c.Helper()
	for {
		out, err := c.sqs.ReceiveMessage(c.Context(), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10, MessageAttributeNames: []string{"All"}})
		c.check(err)
		if len(out.Messages) == 0 {
			slices.Sort(all)
			return all
		}
		for _, m := range out.Messages {
			body := *m.Body
			for name := range m.MessageAttributes {
				body += " " + name
			}
			all = append(all, body)
			_, err := c.sqs.DeleteMessage(c.Context(), &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: m.ReceiptHandle})
			c.check(err)
		}
	}
}

func (c *cloud) queue(name, to string) *Queue {
	c.Helper()
	q, err := c.Queue(c.Context(), name, to)
	c.check(err)
	return q
}

func (c *cloud) list(s Source) []Letter {
	c.Helper()
	letters, err := List(c.Context(), s)
	c.check(err)
	return letters
}

func (c *cloud) send(s Source, want int, ids ...string) {
	c.Helper()
	if n, err := Send(c.Context(), s, ids); err != nil || n != want {
		c.Fatalf("sent %d (%v), want %d", n, err, want)
	}
}

// pair makes a queue and its dead-letter queue, and returns the names of both.
func (c *cloud) pair() (source, dead string) {
	c.Helper()
	source, dead = "cafe-"+rand.Text(), "cafe-"+rand.Text()+"Dead"
	c.create(dead, nil)
	c.create(source, map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-2:123456789012:` + dead + `","maxReceiveCount":"1"}`})
	return source, dead
}

func TestMessagesGoBackToTheQueueTheyCameFrom(t *testing.T) {
	c := openCloud(t)
	source, dead := c.pair()
	q := c.queue(dead, "")
	if got := c.list(q); len(got) != 0 {
		t.Errorf("an empty queue lists %v", got)
	}
	c.send(q, 0)
	const n = 23
	ids := map[string]bool{}
	for i := range n {
		ids[c.put(q.url, fmt.Sprintf("m%02d", i), map[string]string{"severity": "critical"})] = true
	}
	for range 2 { // looking changes nothing
		got := c.list(q)
		for _, l := range got {
			if !ids[l.ID] || l.Kind != "message" || !strings.HasSuffix(l.To, source) || !strings.HasPrefix(l.Holds, "m") || !strings.Contains(l.Reason, "reader") || l.At == "" {
				t.Errorf("lists %+v", l)
			}
		}
		if len(got) != n {
			t.Fatalf("lists %d, want %d", len(got), n)
		}
	}
	one := c.list(q)[7]
	c.send(q, 1, one.ID)
	if got, want := c.bodies(source), []string{one.Holds + " severity"}; !slices.Equal(got, want) {
		t.Errorf("source has %v, want %v", got, want)
	}
	if s, err := Send(t.Context(), q, []string{one.ID}); s != 0 || err == nil || err.Error() != one.ID+": there is no such dead letter" {
		t.Errorf("sent a second time: %d, %v", s, err)
	}
	c.send(c.queue(q.url, ""), n-1) // by its URL
	if got := c.bodies(source); len(got) != n-1 || len(c.list(q)) != 0 {
		t.Errorf("source has %v, the dead-letter queue %v", got, c.list(q))
	}
}

func TestAMessageThatSQSMovedGoesBack(t *testing.T) {
	c := openCloud(t)
	source, dead := c.pair()
	c.put(c.queue(dead, source).to, "moved", nil)
	url, err := c.url(t.Context(), source)
	c.check(err)
	_, err = c.sqs.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &url, Attributes: map[string]string{"VisibilityTimeout": "0"}})
	c.check(err)
	for range 2 {
		for range 2 { // the second time SQS moves it
			_, err := c.sqs.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url})
			c.check(err)
		}
		if letters := c.list(c.queue(dead, "")); len(letters) != 1 || letters[0].Holds != "moved" || !strings.HasSuffix(letters[0].To, source) {
			t.Fatalf("lists %+v", letters)
		}
		c.send(c.queue(dead, ""), 1)
	}
}

func TestAMessageThatCannotBeRemovedIsSentTwiceAndNeverLost(t *testing.T) {
	c := openCloud(t)
	source, dead := c.pair()
	q := c.queue(dead, "")
	c.put(q.url, "once", nil)
	c.keeps.Store(true)
	if n, err := Send(t.Context(), q, nil); n != 0 || err == nil || !strings.Contains(err.Error(), "was sent, but is still there") {
		t.Errorf("sent %d, %v", n, err)
	}
	c.keeps.Store(false)
	c.send(q, 1)
	if got := c.bodies(source); !slices.Equal(got, []string{"once", "once"}) {
		t.Errorf("source has %v", got)
	}
	if got := c.list(q); len(got) != 0 {
		t.Errorf("still there: %v", got)
	}
}

func TestAMessageThatCannotBeSentStays(t *testing.T) {
	c := openCloud(t)
	dead, reader := "cafe-"+rand.Text(), "cafe-"+rand.Text()
	c.create(dead, nil)
	c.create(reader, nil)
	q := c.queue(dead, "")
	c.put(q.url, `{"Type":"Notification","TopicArn":"arn:aws:sns:eu-west-2:1:HighBalance","Message":"{}"}`, map[string]string{"RequestID": "r", "ErrorCode": "KMS.Disabled", "ErrorMessage": "the key is off"})
	c.put(q.url, `{"sweep":true}`, map[string]string{"TARGET_ARN": function, "ERROR_CODE": "Throttled", "ERROR_MESSAGE": "too many", "SCHEDULE_ARN": "s"})
	c.put(q.url, `{}`, map[string]string{"TARGET_ARN": "arn:aws:states:eu-west-2:1:stateMachine:report"})
	c.put(q.url, `{}`, map[string]string{"TARGET_ARN": function, "IS_PAYLOAD_TRUNCATED": "true"})
	c.put(q.url, `{}`, map[string]string{"TARGET_ARN": strings.Replace(function, "cafe-ledger", "nobody", 1)})
	c.put(q.url, `no idea`, nil)
	reasons := ""
	for _, l := range c.list(q) {
		reasons += l.Kind + " " + l.Reason + "\n"
	}
	for _, want := range []string{"notification KMS.Disabled: the key is off: from arn:aws:sns:eu-west-2:1:HighBalance\n", "schedule Throttled: too many\n"} {
		if !strings.Contains(reasons, want) {
			t.Errorf("reasons are %s", reasons)
		}
	}
	n, err := Send(t.Context(), q, nil)
	if n != 1 || err == nil {
		t.Fatalf("sent %d, %v", n, err)
	}
	for _, want := range []string{"name it with -to", "stateMachine:report, which is started by hand", "cut short", "no such function", "name where it goes with -to"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if calls := c.functions.take(); len(calls) != 2 || !slices.Contains(calls, "Event "+function+` {"sweep":true}`) {
		t.Errorf("calls %v", calls)
	}
	// What does not say where it goes is sent where the operator says.
	if n, err := Send(t.Context(), c.queue(dead, reader), nil); n != 2 || err == nil {
		t.Errorf("sent %d, %v", n, err)
	}
	if got := c.bodies(reader); len(got) != 2 || got[0] != "no idea" || !strings.HasSuffix(got[1], `"Message":"{}"}`) {
		t.Errorf("reader has %v", got)
	}
	if got := c.list(q); len(got) != 3 {
		t.Errorf("%d stay, want 3", len(got))
	}
	c.functions.take()
	c.put(q.url, `{"any":1}`, nil)
	if n, _ := Send(t.Context(), c.queue(dead, function), nil); n != 1 || !slices.Contains(c.functions.take(), "Event "+function+` {"any":1}`) {
		t.Errorf("sent %d to the function", n)
	}
}

func TestQueuesThatAreNoDeadLetterQueues(t *testing.T) {
	c := openCloud(t)
	source, dead := c.pair()
	for name, want := range map[string]string{
		"nothing": "there is no queue nothing", source: "no dead-letter queue", "arn:aws:sns:eu-west-2:1:x": "not the ARN of a queue",
		"arn:aws:sqs:eu-west-2:123456789012:nothing": "there is no queue",
	} {
		if _, err := c.Queue(t.Context(), name, ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, to := range []string{"nothing", dead} {
		if _, err := c.Queue(t.Context(), dead, to); err == nil {
			t.Errorf("-to %s: no error", to)
		}
	}
	if _, err := List(t.Context(), c.Bucket("cafe-nothing")); err == nil || err.Error() != "there is no bucket cafe-nothing" {
		t.Errorf("bucket: %v", err)
	}
}

// stream and call are as Lambda writes them.
func stream(event string) string {
	payload, _ := json.Marshal(event)
	return `{"requestContext":{"requestId":"1","functionArn":"` + function + `","condition":"RetryAttemptsExhausted","approximateInvokeCount":7},
		"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"version":"1.0","timestamp":"2019-11-14T00:13:49.717Z",
		"DDBStreamBatchInfo":{"shardId":"shardId-1","startSequenceNumber":"8","endSequenceNumber":"9","batchSize":2,"streamArn":"arn:aws:dynamodb:eu-west-2:1:table/t/stream/s"},
		"payload":` + string(payload) + `}`
}

const call = `{"version":"1.0","timestamp":"2019-11-14T18:16:05.568Z","requestContext":{"requestId":"2","functionArn":"` + function + `:$LATEST",
	"condition":"RetriesExhausted","approximateInvokeCount":3},"requestPayload":{"Records":[{"s3":{}}]},
	"responseContext":{"statusCode":200,"executedVersion":"$LATEST","functionError":"Unhandled"},"responsePayload":{"errorMessage":"no menu"}}`

func TestTheBucketsRecordsAreRemovedOnlyOnceTheFunctionTookThem(t *testing.T) {
	c := openCloud(t)
	name := "cafe-" + strings.ToLower(rand.Text())
	_, err := c.s3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: &s3types.CreateBucketConfiguration{LocationConstraint: "eu-west-2"}})
	c.check(err)
	b := c.Bucket(name)
	c.send(b, 0)
	const event = `{"Records":[{"dynamodb":{"SequenceNumber":"8"}},{"dynamodb":{"SequenceNumber":"9"}}]}`
	keys := []string{"aws/lambda/async/cafe-importer/2019/11/14/b", "aws/lambda/m/shardId-1/2019/11/14/a"}
	for key, body := range map[string]string{keys[0]: call, keys[1]: stream(event), "imports/1.csv": "a"} {
		_, err := c.s3.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &name, Key: &key, Body: strings.NewReader(body)})
		c.check(err)
	}
	got := c.list(b)
	want := []Letter{
		{keys[0], "call", "2019-11-14T18:16:05.568Z", function + ":$LATEST", "RetriesExhausted, called 3 times, Unhandled, no menu", `{"Records":[{"s3":{}}]}`},
		{keys[1], "stream", "2019-11-14T00:13:49.717Z", function, "RetryAttemptsExhausted, called 7 times, Unhandled", event},
	}
	if !slices.Equal(got, want) {
		t.Fatalf("lists %+v", got)
	}
	sendFails := func(want string) {
		t.Helper()
		if n, err := Send(t.Context(), b, keys[1:]); n != 0 || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("sent %d, %v; want %s", n, err, want)
		}
		if left := c.list(b); len(left) != 2 {
			t.Fatalf("%d are left", len(left))
		}
		if calls := c.functions.take(); !slices.Equal(calls, []string{"RequestResponse " + function + " " + event}) && !slices.Equal(calls, []string{" " + function + " " + event}) {
			t.Errorf("calls %v", calls)
		}
	}
	c.functions.answer, c.functions.failed = `{"errorMessage":"the table is away"}`, true
	sendFails("the table is away")
	c.functions.answer, c.functions.failed = `{"batchItemFailures":[{"itemIdentifier":"9"}]}`, false
	sendFails("failed at record 9")
	c.functions.answer = `{"batchItemFailures":[]}`
	c.keeps.Store(true)
	sendFails("was sent, but is still there")
	c.keeps.Store(false)
	c.send(b, 2)
	if calls := c.functions.take(); len(calls) != 2 || calls[0] != "Event "+function+`:$LATEST {"Records":[{"s3":{}}]}` {
		t.Errorf("calls %v", calls)
	}
	if left := c.list(b); len(left) != 0 {
		t.Errorf("left %v", left)
	}
	if out, err := c.s3.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: &name}); err != nil || len(out.Contents) != 1 {
		t.Errorf("other objects: %v, %v", out.Contents, err)
	}
}

// pile is a source without AWS.
type pile []held

func (p pile) each(_ context.Context, see func(held)) error {
	for _, h := range p {
		see(h)
	}
	return nil
}

func TestNothingIsRemovedBeforeItWasSent(t *testing.T) {
	var done []string
	step := func(what string, err error) func(context.Context) error {
		return func(context.Context) error { done = append(done, what); return err }
	}
	p := pile{
		{Letter{ID: "1"}, step("send 1", io.ErrClosedPipe), step("remove 1", nil)},
		{Letter{ID: "2"}, step("send 2", nil), step("remove 2", io.ErrClosedPipe)},
		{Letter{ID: "3"}, step("send 3", nil), step("remove 3", nil)},
	}
	n, err := Send(t.Context(), p, nil)
	if n != 1 || err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("sent %d, %v", n, err)
	}
	if want := []string{"send 1", "send 2", "remove 2", "send 3", "remove 3"}; !slices.Equal(done, want) {
		t.Errorf("did %v, want %v", done, want)
	}
}

func TestWhatLambdaWroteIsCalledAgain(t *testing.T) {
	f := standIn(t)
	a := connect(t)
	again := func(body string) error {
		r, ok := read([]byte(body))
		if !ok {
			t.Fatalf("cannot be read: %s", body)
		}
		return a.again(t.Context(), r)
	}
	if err := again(stream(`{"Records":[]}`)); err != nil {
		t.Error(err)
	}
	if err := again(strings.Replace(stream(""), `"payload":""`, `"payload":{"Records":[]}`, 1)); err != nil { // as JSON, not as text
		t.Error(err)
	}
	if calls := f.take(); len(calls) != 2 || calls[0] != calls[1] || !strings.HasSuffix(calls[0], function+` {"Records":[]}`) {
		t.Errorf("calls %v", calls)
	}
	if err := again(stream("")); err == nil || !strings.Contains(err.Error(), "does not hold them") {
		t.Errorf("without records: %v", err)
	}
	if err := again(strings.Replace(call, "requestPayload", "other", 1)); err == nil || !strings.Contains(err.Error(), "does not hold the event") {
		t.Errorf("without event: %v", err)
	}
	f.answer = "nothing"
	if err := again(stream(`{"Records":[]}`)); err == nil || !strings.Contains(err.Error(), "cannot be read") {
		t.Errorf("strange answer: %v", err)
	}
	for _, body := range []string{"", "[]", "{}", `{"requestContext":5}`, `{"requestContext":{}}`} {
		if _, ok := read([]byte(body)); ok {
			t.Errorf("%q is taken for a record", body)
		}
	}
}
