package s3

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// deadLetters is where Lambda puts records that no function could handle (Lambda Developer
// Guide, "Retaining records of asynchronous invocations" and "Retain discarded records").
const deadLetters = "aws/lambda/"

// DeadLetters returns how many dead letters the bucket holds, at most 1,000. Each is for one
// batch of records. It is part of daily.Watch. The role needs s3:ListBucket.
func (b *Bucket) DeadLetters(ctx context.Context) (int64, error) {
	out, err := b.client.ListObjectsV2(ctx, &awss3.ListObjectsV2Input{Bucket: &b.name, Prefix: aws.String(deadLetters)})
	if err != nil {
		return 0, fmt.Errorf("list dead letters: %w", err)
	}
	return int64(len(out.Contents)), nil
}
