package stream

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
)

func TestRecordMatchesLambdasJSON(t *testing.T) {
	every := map[string]types.AttributeValue{
		"s":    &types.AttributeValueMemberS{Value: "☕"},
		"n":    &types.AttributeValueMemberN{Value: "-7"},
		"bool": &types.AttributeValueMemberBOOL{Value: true},
		"b":    &types.AttributeValueMemberB{Value: []byte{0, 255}},
		"l":    &types.AttributeValueMemberL{Value: []types.AttributeValue{&types.AttributeValueMemberN{Value: "1"}, &types.AttributeValueMemberL{}}},
		"m":    &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"x": &types.AttributeValueMemberS{}}},
		"ss":   &types.AttributeValueMemberSS{Value: []string{"a"}},
		"ns":   &types.AttributeValueMemberNS{Value: []string{"1"}},
		"bs":   &types.AttributeValueMemberBS{Value: [][]byte{{1}}},
		"null": &types.AttributeValueMemberNULL{Value: true},
	}
	got, err := json.Marshal(Record(types.Record{
		AwsRegion: aws.String("eu-west-2"), EventID: aws.String("e1"), EventName: types.OperationTypeRemove, EventSource: aws.String("aws:dynamodb"), EventVersion: aws.String("1.1"),
		UserIdentity: &types.Identity{Type: aws.String("Service"), PrincipalId: aws.String("dynamodb.amazonaws.com")},
		Dynamodb: &types.StreamRecord{
			ApproximateCreationDateTime: aws.Time(time.Unix(1700000000, 0)),
			Keys:                        map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "O#1"}},
			OldImage:                    every, SequenceNumber: aws.String("100"), SizeBytes: aws.Int64(42), StreamViewType: types.StreamViewTypeNewAndOldImages,
		},
	}, "arn:stream"))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"awsRegion":"eu-west-2","dynamodb":{"ApproximateCreationDateTime":1700000000,"Keys":{"pk":{"S":"O#1"}},` +
		`"OldImage":{"b":{"B":"AP8="},"bool":{"BOOL":true},"bs":{"BS":["AQ=="]},"l":{"L":[{"N":"1"},{"L":[]}]},"m":{"M":{"x":{"S":""}}},"n":{"N":"-7"},"ns":{"NS":["1"]},"null":{"NULL":true},"s":{"S":"☕"},"ss":{"SS":["a"]}},` +
		`"SequenceNumber":"100","SizeBytes":42,"StreamViewType":"NEW_AND_OLD_IMAGES"},` +
		`"eventID":"e1","eventName":"REMOVE","eventSource":"aws:dynamodb","eventVersion":"1.1","eventSourceARN":"arn:stream",` +
		`"userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"}}`
	if string(got) != want {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
	// A Lambda function decodes it like this.
	var back events.DynamoDBEventRecord
	if err := json.Unmarshal(got, &back); err != nil {
		t.Error(err)
	}
}

func TestAnEmptyRecordDoesNotPanic(t *testing.T) {
	if r := Record(types.Record{}, "arn"); r.Change.NewImage != nil || r.UserIdentity != nil {
		t.Errorf("got %+v", r)
	}
}
