package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"cafe/internal/table"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

const index1, index2 = "gsi1", "gsi2"

// Schema returns the definition of the table that a Table needs, under the given name. On
// AWS template.yaml creates the table; a test checks that the two agree.
func Schema(name string) *dynamodb.CreateTableInput {
	text := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: &name, AttributeType: types.ScalarAttributeTypeS}
	}
	key := func(pk, sk string) []types.KeySchemaElement {
		return []types.KeySchemaElement{
			{AttributeName: &pk, KeyType: types.KeyTypeHash},
			{AttributeName: &sk, KeyType: types.KeyTypeRange},
		}
	}
	index := func(name, pk string) types.GlobalSecondaryIndex {
		return types.GlobalSecondaryIndex{
			IndexName: &name, KeySchema: key(pk, table.AttrSort),
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}
	}
	return &dynamodb.CreateTableInput{
		TableName: &name,
		AttributeDefinitions: []types.AttributeDefinition{
			text(table.AttrPK), text(table.AttrSK), text(table.AttrIndex1), text(table.AttrIndex2), text(table.AttrSort),
		},
		KeySchema: key(table.AttrPK, table.AttrSK),
		GlobalSecondaryIndexes: []types.GlobalSecondaryIndex{
			index(index1, table.AttrIndex1), index(index2, table.AttrIndex2),
		},
		BillingMode:         types.BillingModePayPerRequest,
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
	}
}

// IsLocal reports whether the endpoint (AWS_ENDPOINT_URL_DYNAMODB) is a stand-in for
// AWS such as DynamoDB Local. There a café may create its own table. An empty endpoint
// means AWS.
func IsLocal(endpoint string) bool {
	u, err := url.Parse(endpoint)
	if err != nil || u.Hostname() == "" {
		return false
	}
	for _, aws := range []string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws"} {
		if strings.HasSuffix(u.Hostname(), aws) {
			return false
		}
	}
	return true
}

// creator lists the methods of the SDK's *dynamodb.Client that Create calls.
type creator interface {
	describer
	CreateTable(context.Context, *dynamodb.CreateTableInput, ...func(*dynamodb.Options)) (*dynamodb.CreateTableOutput, error)
}

type describer interface {
	DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
}

// Create creates the table unless it exists, and waits until it can be used. If the
// context ends first, Create returns an error that wraps the context's.
func Create(ctx context.Context, c creator, schema *dynamodb.CreateTableInput) error {
	name := *schema.TableName
	_, err := c.CreateTable(ctx, schema)
	var inUse *types.ResourceInUseException
	if err != nil && !errors.As(err, &inUse) {
		return fmt.Errorf("create table %s: %w", name, err)
	}
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		description, err := describe(ctx, c, name)
		if err != nil {
			return err
		}
		if description.TableStatus == types.TableStatusActive {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for table %s, which is %s: %w", name, description.TableStatus, ctx.Err())
		case <-time.After(pause):
		}
	}
}

// StreamARN returns the ARN of the table's change stream. A table without a stream is an
// error.
func StreamARN(ctx context.Context, c describer, name string) (string, error) {
	description, err := describe(ctx, c, name)
	if err != nil {
		return "", err
	}
	if description.LatestStreamArn == nil {
		return "", fmt.Errorf("table %s has no stream", name)
	}
	return *description.LatestStreamArn, nil
}

func describe(ctx context.Context, c describer, name string) (*types.TableDescription, error) {
	out, err := c.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
	if err != nil {
		return nil, fmt.Errorf("describe table %s: %w", name, err)
	}
	return out.Table, nil
}
