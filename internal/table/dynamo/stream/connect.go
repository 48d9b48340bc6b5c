package stream

import (
	"context"
	"fmt"
	"os"

	"cafe/internal/table/dynamo"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
)

// Connection is DynamoDB and its streams, reached from outside Lambda.
type Connection struct {
	DB      *dynamodb.Client
	Streams *dynamodbstreams.Client
	Local   bool // a stand-in, where the table may be made (dynamo.Create)
}

// Connect makes the clients by the SDK's full chain: environment, profiles, SSO,
// instance roles. A local endpoint (AWS_ENDPOINT_URL_DYNAMODB) serves the streams
// too, unless AWS_ENDPOINT_URL_DYNAMODB_STREAMS says otherwise, and does without a
// region and credentials, since it takes any. Nothing is sent yet.
func Connect(ctx context.Context) (Connection, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(dynamo.HTTPClient()))
	if err != nil {
		return Connection{}, fmt.Errorf("AWS configuration: %w", err)
	}
	endpoint := aws.ToString(dynamodb.NewFromConfig(cfg).Options().BaseEndpoint)
	local := dynamo.IsLocal(endpoint)
	if local && cfg.Region == "" {
		cfg.Region = "local"
	}
	if local && os.Getenv("AWS_ACCESS_KEY_ID") == "" && os.Getenv("AWS_PROFILE") == "" {
		cfg.Credentials = aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		})
	}
	if cfg.Region == "" {
		return Connection{}, fmt.Errorf("AWS configuration: no region; set AWS_REGION")
	}
	return Connection{
		DB: dynamodb.NewFromConfig(cfg),
		Streams: dynamodbstreams.NewFromConfig(cfg, func(o *dynamodbstreams.Options) {
			if local && o.BaseEndpoint == nil {
				o.BaseEndpoint = &endpoint
			}
		}),
		Local: local,
	}, nil
}
