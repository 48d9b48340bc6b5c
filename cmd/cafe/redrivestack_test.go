package main

import (
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

func TestRedriveOfAStacksQueue(t *testing.T) {
	if os.Getenv("AWS_ENDPOINT_URL_SQS") == "" {
		t.Skip(`SKIPPED: AWS_ENDPOINT_URL_SQS is not set: start moto with eval "$(.ci/moto env)"`)
	}
	if strings.Contains(os.Getenv("AWS_ENDPOINT_URL_SQS"), "amazonaws.") {
		t.Fatal("AWS_ENDPOINT_URL_SQS is AWS itself: this test is not to cost money")
	}
	cfg, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	queues := sqs.NewFromConfig(cfg)
	create := func(name string, attributes map[string]string) *string {
		t.Helper()
		out, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		if err != nil {
			t.Fatal(err)
		}
		return out.QueueUrl
	}
	dead, reader := "cafe-"+rand.Text()+"Dead", "cafe-"+rand.Text()
	from := create(dead, nil)
	to := create(reader, map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:eu-west-2:123456789012:` + dead + `","maxReceiveCount":"5"}`})
	message, err := queues.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: from, MessageBody: aws.String(`{"order":1}`)})
	if err != nil {
		t.Fatal(err)
	}
	redrive := func(want string, args ...string) {
		t.Helper()
		out, err := run(t, append([]string{"redrive", "-queue", dead}, args...)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%v: %v: %s; want %q", args, err, out, want)
		}
	}
	redrive("\n\t{\"order\":1}\n1 dead letters\n", "-list")
	redrive(`{"dead_letters":[{"id":"`+*message.MessageId+`","kind":"message","at":"`, "-list", "-json")
	redrive("1 sent again\n", *message.MessageId)
	redrive(`{"dead_letters":[]}`, "-list", "-json")
	redrive(`{"sent_again":0}`, "-json")
	if out, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: to}); err != nil || len(out.Messages) != 1 || *out.Messages[0].Body != `{"order":1}` {
		t.Errorf("the reader's queue has %+v, %v", out, err)
	}
	if out, err := run(t, "redrive", "-queue", dead, "nothing").CombinedOutput(); err == nil || string(out) != "0 sent again\ncafe: nothing: there is no such dead letter\n" {
		t.Errorf("%v: %s", err, out)
	}
	if out, err := run(t, "redrive", "-list", "-queue", "cafe-nothing").CombinedOutput(); err == nil || string(out) != "cafe: there is no queue cafe-nothing\n" {
		t.Errorf("%v: %s", err, out)
	}
}

func TestRedriveOfAStackNamesOnePlace(t *testing.T) {
	for _, args := range []string{"-queue q -bucket b", "-to q", "-bucket b -to q", "-queue q -set-aside -list", "-queue="} {
		cmd := run(t, append([]string{"redrive"}, strings.Fields(args)...)...)
		if out, _ := cmd.CombinedOutput(); cmd.ProcessState.ExitCode() != 2 {
			t.Errorf("%s: status %d: %s", args, cmd.ProcessState.ExitCode(), out)
		}
	}
}
