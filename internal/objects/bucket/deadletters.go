package bucket

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// deadLetters is where Lambda puts what no function could take (Lambda Developer Guide,
// "Retaining records of asynchronous invocations" and "Retain discarded records").
const deadLetters = "aws/lambda/"

// DeadLetters returns how many dead letters are in the bucket, 1,000 at most: part of
// cafe.Watch. Each is of a batch. The role needs s3:ListBucket.
func (b *Bucket) DeadLetters(ctx context.Context) (int64, error) {
	out, err := b.client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: aws.String(deadLetters)})
	if err != nil {
		return 0, fmt.Errorf("list dead letters: %w", err)
	}
	return int64(len(out.Contents)), nil
}
