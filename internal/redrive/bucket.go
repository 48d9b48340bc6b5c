package redrive

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// prefix is where Lambda puts what failed for good. Keys go on with the mapping and the shard,
// or with async and the function, and then with the time (Lambda Developer Guide, as above).
const prefix = "aws/lambda/"

// Bucket is the part of a bucket that is the on-failure destination of functions and of their
// event source mappings.
type Bucket struct {
	aws  *AWS
	name string
}

// Bucket returns the bucket of the name.
func (a *AWS) Bucket(name string) *Bucket { return &Bucket{a, name} }

// each goes by keys, so that the records of a shard come in the order in which they failed.
func (b *Bucket) each(ctx context.Context, see func(held)) error {
	var objects []types.Object
	pages := s3.NewListObjectsV2Paginator(b.aws.s3, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: aws.String(prefix)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if hasCode(err, "NoSuchBucket") {
			return fmt.Errorf("there is no bucket %s", b.name)
		}
		if err != nil {
			return fmt.Errorf("list bucket %s: %w", b.name, err)
		}
		objects = append(objects, page.Contents...)
	}
	for _, o := range objects {
		h, err := b.open(ctx, aws.ToString(o.Key), aws.ToTime(o.LastModified))
		if hasCode(err, "NoSuchKey") {
			continue // somebody else removed it
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", aws.ToString(o.Key), err)
		}
		see(h)
	}
	return nil
}

func (b *Bucket) open(ctx context.Context, key string, at time.Time) (held, error) {
	out, err := b.aws.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key})
	if err != nil {
		return held{}, err
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		return held{}, err
	}
	h := held{Letter: Letter{ID: key, At: at.UTC().Format(time.RFC3339)}}
	h.remove = func(ctx context.Context) error {
		_, err := b.aws.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key})
		return err
	}
	r, ok := read(body)
	if !ok {
		h.Kind, h.Reason, h.Holds = "unreadable", "it is not what Lambda writes about a failed call", string(body)
		h.send = func(context.Context) error { return fmt.Errorf("cannot be sent: %s", h.Reason) }
		return h, nil
	}
	r.fill(&h.Letter)
	h.send = func(ctx context.Context) error { return b.aws.again(ctx, r) }
	return h, nil
}
