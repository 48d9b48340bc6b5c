package sns_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	awssns "github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"cafe/internal/notify/notifytest"
	"cafe/internal/notify/sns"
	"cafe/internal/outbox"
)

func TestContract(t *testing.T) {
	notifytest.Contract(t, func(t *testing.T) notifytest.World {
		fake := newFakeSNS()
		delivered := func(_ *testing.T, endpoint string) []notifytest.Delivery { return fake.delivered[endpoint] }
		return notifytest.World{Notifier: sns.New(fake, topicARNs), Queue: delivered, Mails: delivered}
	})
}

func TestAMessageIsNotLostOverItsSubject(t *testing.T) {
	fake := newFakeSNS()
	fake.asciiOnly = true
	m := notifytest.Alert("a1", "alice", "warning")
	m.Subject = "Café · Sat 18 Mar 2017 · £1,234.50 · 87 orders – 雨"
	notifytest.Publish(t, sns.New(fake, topicARNs), m)
	m.Subject = "Cafe - Sat 18 Mar 2017 - GBP 1,234.50 - 87 orders - ?"
	notifytest.Expect(t, "owner's mail", fake.delivered[notifytest.OwnerEmail], m)
}

func TestALongNameGivesWayWhenASubjectGrowsInASCII(t *testing.T) {
	fake := newFakeSNS()
	fake.asciiOnly = true
	m := notifytest.Alert("a1", "alice", "warning")
	m.Subject = strings.Repeat("ß", 50) + " · Sat 18 Mar 2017 · £1,234.50 · 87 orders"
	notifytest.Publish(t, sns.New(fake, topicARNs), m)
	got := fake.delivered[notifytest.OwnerEmail]
	if len(got) != 1 || !strings.HasSuffix(got[0].Subject, "ss - Sat 18 Mar 2017 - GBP 1,234.50 - 87 orders") {
		t.Errorf("delivered %+v", got)
	}
}

func TestAnEmptySubjectIsLeftOut(t *testing.T) {
	fake := newFakeSNS()
	m := notifytest.Alert("a1", "alice", "warning")
	m.Subject = " \n"
	notifytest.Publish(t, sns.New(fake, topicARNs), m)
	if subject := fake.published[0].Subject; subject != nil {
		t.Errorf("subject %q, want none", *subject)
	}
}

func TestAnEmptyAttributeIsLeftOut(t *testing.T) {
	fake := newFakeSNS()
	m := notifytest.Alert("a1", "", "warning")
	notifytest.Publish(t, sns.New(fake, topicARNs), m)
	if _, has := fake.published[0].MessageAttributes["customer_id"]; has {
		t.Error("it was sent")
	}
}

func TestUnsubscribingBeforeConfirmingIsNoError(t *testing.T) {
	fake := newFakeSNS()
	fake.unconfirmed = true
	n := sns.New(fake, topicARNs)
	notifytest.Unsubscribe(t, n, notifytest.Subscribe(t, n, "alice", "alice@example.com"))
	if err := n.UnsubscribeAddress(context.Background(), "alice", "alice@example.com"); err != nil {
		t.Error("by its address:", err)
	}
}

func TestAnUnconfirmedAddressIsErrNotYetForOthers(t *testing.T) {
	fake := newFakeSNS()
	fake.unconfirmed = true
	n := sns.New(fake, topicARNs)
	notifytest.Subscribe(t, n, "alice", "home@example.com")
	_, err := n.Subscribe(context.Background(), "bob", "home@example.com")
	if !errors.Is(err, outbox.ErrNotYet) || !strings.Contains(err.Error(), "has to confirm") || strings.Contains(err.Error(), "home@") {
		t.Errorf("error %v, want one that says why, without the address", err)
	}
	for _, s := range fake.subs {
		s.pending = false
	}
	notifytest.Subscribe(t, n, "bob", "home@example.com")
}

func TestTooManyFilterPoliciesIsErrNever(t *testing.T) {
	fake := newFakeSNS()
	fake.full = true
	if _, err := sns.New(fake, topicARNs).Subscribe(context.Background(), "alice", "alice@example.com"); !errors.Is(err, outbox.ErrNever) {
		t.Errorf("error %v", err)
	}
}

// vanishing has subscriptions that are listed, and are not there any more.
type vanishing struct {
	*fakeSNS
	err error
}

func (v vanishing) GetSubscriptionAttributes(context.Context, *awssns.GetSubscriptionAttributesInput, ...func(*awssns.Options)) (*awssns.GetSubscriptionAttributesOutput, error) {
	return nil, v.err
}

func TestASubscriptionThatVanishesIsErrNotYet(t *testing.T) {
	fake := newFakeSNS()
	notifytest.Subscribe(t, sns.New(fake, topicARNs), "alice", "home@example.com")
	for _, gone := range []error{&types.NotFoundException{}, refused("SubscriptionArn Reason: it is pending confirmation")} {
		n := sns.New(vanishing{fake, gone}, topicARNs)
		if _, err := n.Subscribe(context.Background(), "bob", "home@example.com"); !errors.Is(err, outbox.ErrNotYet) || errors.Is(err, outbox.ErrNever) {
			t.Errorf("error %v", err)
		}
	}
}

func TestAWrongTopicIsNoErrorOfTheAddress(t *testing.T) {
	n := sns.New(newFakeSNS(), map[outbox.Topic]string{outbox.TopicHighBalance: "nonsense"})
	if _, err := n.Subscribe(context.Background(), "alice", "alice@example.com"); err == nil || errors.Is(err, outbox.ErrNever) || errors.Is(err, outbox.ErrNotYet) {
		t.Errorf("error %v", err)
	}
}

func TestManyCustomersJoinOneAddressAtOnce(t *testing.T) {
	fake := newFakeSNS()
	n := sns.New(fake, topicARNs)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if _, err := n.Subscribe(context.Background(), fmt.Sprint("c", i), "office@example.com"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for i := range 20 {
		notifytest.Publish(t, n, notifytest.Alert(fmt.Sprint("a", i), fmt.Sprint("c", i), "warning"))
	}
	if got := len(fake.delivered["office@example.com"]); got != 20 {
		t.Errorf("%d of 20 alerts were mailed", got)
	}
}

func TestErrorsOfSNSAreWrapped(t *testing.T) {
	fake := newFakeSNS()
	n := sns.New(fake, topicARNs)
	name := notifytest.Subscribe(t, n, "alice", "alice@example.com")
	fake.fail = &types.ThrottledException{}
	ctx := context.Background()
	_, subscribeErr := n.Subscribe(ctx, "bob", "bob@example.com")
	for call, err := range map[string]error{
		"publish": n.Publish(ctx, notifytest.Alert("a1", "alice", "warning")), "subscribe": subscribeErr, "unsubscribe": n.Unsubscribe(ctx, name),
		"unsubscribe by address": n.UnsubscribeAddress(ctx, "alice", "alice@example.com"),
	} {
		var throttled *types.ThrottledException
		if !errors.As(err, &throttled) || errors.Is(err, outbox.ErrNever) || errors.Is(err, outbox.ErrNotYet) {
			t.Errorf("%s: error %v, want it throttled", call, err)
		}
	}
	if err := n.Unsubscribe(ctx, "nonsense"); err == nil {
		t.Error("ended a subscription called nonsense")
	}
}

func environment(endpoint string) map[string]string {
	return map[string]string{
		"AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_ENDPOINT_URL_SNS": endpoint,
		"HIGH_BALANCE_TOPIC_ARN": topicARN(outbox.TopicHighBalance), "OUT_OF_STOCK_TOPIC_ARN": topicARN(outbox.TopicOutOfStock),
		"DAILY_REPORT_TOPIC_ARN": topicARN(outbox.TopicDailyReport),
	}
}

func TestThrottledAndLostCallsAreMadeAgain(t *testing.T) {
	var calls atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch calls.Add(1) {
		case 1:
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>Throttled</Code><Message>Rate exceeded</Message></Error></ErrorResponse>`)
		case 2:
			panic(http.ErrAbortHandler) // closes the connection
		default:
			if err := r.ParseForm(); err != nil || r.Form.Get("TopicArn") != topicARN(outbox.TopicHighBalance) {
				t.Errorf("got %v (%v)", r.Form, err)
			}
			fmt.Fprint(w, `<PublishResponse><PublishResult><MessageId>1</MessageId></PublishResult></PublishResponse>`)
		}
	}))
	defer server.Close()
	env := environment(server.URL)
	n, err := sns.FromEnv(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	notifytest.Publish(t, n, notifytest.Alert("a1", "alice", "warning"))
	if calls.Load() != 3 {
		t.Errorf("%d calls, want 3", calls.Load())
	}
}

func TestMissingVariablesAreNamed(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_ACCESS_KEY_ID", "HIGH_BALANCE_TOPIC_ARN", "OUT_OF_STOCK_TOPIC_ARN", "DAILY_REPORT_TOPIC_ARN"} {
		env := environment("http://127.0.0.1:1")
		delete(env, name)
		if _, err := sns.FromEnv(func(name string) string { return env[name] }); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: error %v", name, err)
		}
	}
}

func TestAnUnreachableSNSIsAnErrorOfTheNetwork(t *testing.T) {
	env := environment("http://127.0.0.1:1")
	n, err := sns.FromEnv(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	var network *url.Error
	if err := n.Publish(ctx, notifytest.Alert("a1", "alice", "warning")); !errors.As(err, &network) {
		t.Errorf("error %v, want that of the connection", err)
	}
}
