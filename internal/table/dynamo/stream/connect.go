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

// Connection has the SDK's clients for DynamoDB and its streams, for use outside Lambda.
type Connection struct {
	DB      *dynamodb.Client
	Streams *dynamodbstreams.Client
	Local   bool // the endpoint is a stand-in for AWS, where dynamo.Create may create the table
}

// Connect makes the clients from all that the SDK reads: the environment, profiles, SSO
// and instance roles. It sends nothing.
//
// AWS_ENDPOINT_URL_DYNAMODB may name a local stand-in. The stand-in serves the streams too,
// unless AWS_ENDPOINT_URL_DYNAMODB_STREAMS names another. It needs neither a region nor
// credentials, since it accepts any.
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
