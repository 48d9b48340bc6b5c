package dynamo

import (
	"hash/crc32"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// answer is the answer of a scripted DynamoDB to one request.
type answer struct {
	status  int
	body    string
	altered bool  // the checksum does not match the body
	err     error // there is no answer, or, with a status, its body ends with this error
}

// Answers in DynamoDB's JSON protocol.
func ok() answer   { return answer{status: 200, body: `{}`} }
func lost() answer { return answer{err: &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}} }
func noConnection() answer {
	return answer{err: &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}}
}
func cutOff() answer { return answer{status: 200, body: `{"Consu`, err: io.ErrUnexpectedEOF} }
func serverError() answer {
	return answer{status: 500, body: `{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError"}`}
}
func refuses(code string) answer { return says(code, "") }

func says(code, message string) answer {
	return answer{status: 400, body: `{"__type":"com.amazonaws.dynamodb.v20120810#` + code + `","message":"` + message + `"}`}
}

// refused says that a condition failed, and has the current item ("" for none).
func refused(item string) answer {
	a := says("ConditionalCheckFailedException", "The conditional request failed")
	if item != "" {
		a.body = strings.TrimSuffix(a.body, "}") + `,"Item":` + item + `}`
	}
	return a
}

// canceled says that a transaction was canceled, with a reason for each operation: "None",
// a code, a code and the current item, or a code and a message.
func canceled(reasons ...string) answer {
	a := says("TransactionCanceledException", "Transaction cancelled")
	var list []string
	for _, r := range reasons {
		code, more, _ := strings.Cut(r, " ")
		reason := `{"Code":"` + code + `"`
		switch {
		case strings.HasPrefix(more, "{"):
			reason += `,"Item":` + more
		case more != "":
			reason += `,"Message":"` + more + `"`
		}
		list = append(list, reason+"}")
	}
	a.body = strings.TrimSuffix(a.body, "}") + `,"CancellationReasons":[` + strings.Join(list, ",") + `]}`
	return a
}

// script is an HTTP client that gives one answer after the other and records the requests.
type script struct {
	mu      sync.Mutex
	answers []answer
	asked   []string // bodies
}

func (s *script) Do(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, string(body))
	a := refuses("NothingMoreInTheScript")
	if len(s.answers) > 0 {
		a, s.answers = s.answers[0], s.answers[1:]
	}
	if a.err != nil && a.status == 0 {
		return nil, a.err
	}
	out := io.Reader(strings.NewReader(a.body))
	if a.err != nil {
		out = io.MultiReader(out, failing{a.err})
	}
	sum := crc32.ChecksumIEEE([]byte(a.body))
	if a.altered {
		sum++
	}
	return &http.Response{
		StatusCode: a.status, Header: http.Header{
			"Content-Type": {"application/x-amz-json-1.0"}, "X-Amz-Crc32": {strconv.FormatUint(uint64(sum), 10)},
		}, Body: io.NopCloser(out), Request: r,
	}, nil
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// play returns a table whose DynamoDB gives these answers.
func play(t testing.TB, answers ...answer) (*Table, *script) {
	t.Helper()
	return playWith(t, Options{}, answers...)
}

func playWith(t testing.TB, o Options, answers ...answer) (*Table, *script) {
	t.Helper()
	s := &script{answers: answers}
	c, err := FromEnv(lambdaEnv(nil), func(o *dynamodb.Options) { o.HTTPClient = s })
	if err != nil {
		t.Fatal(err)
	}
	o.Table, o.MaxBackoff = "cafe", time.Millisecond
	return New(c, o), s
}

// lambdaEnv returns the environment of a Lambda function with some variables changed.
func lambdaEnv(change map[string]string) func(string) string {
	env := map[string]string{
		"AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "SECRET", "AWS_SESSION_TOKEN": "TOKEN",
	}
	for name, v := range change {
		env[name] = v
	}
	return func(name string) string { return env[name] }
}
