// Package s3 is the store of objects on AWS: an S3 bucket. It is apart from package
// objects so that a function which only signs links does not start the SDK's client.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"cafe/internal/awsenv"
	"cafe/internal/cafe"
	"cafe/internal/objects"
)

// Bucket is the Store on AWS. It is safe for concurrent use. The role that reads needs
// s3:ListBucket, too: without it S3 says 403 of a file that is not there.
type Bucket struct {
	client client
	name   string
}

var _ cafe.Files = (*Bucket)(nil)

// client is what is used of *awss3.Client.
type client interface {
	GetObject(context.Context, *awss3.GetObjectInput, ...func(*awss3.Options)) (*awss3.GetObjectOutput, error)
	PutObject(context.Context, *awss3.PutObjectInput, ...func(*awss3.Options)) (*awss3.PutObjectOutput, error)
	ListObjectsV2(context.Context, *awss3.ListObjectsV2Input, ...func(*awss3.Options)) (*awss3.ListObjectsV2Output, error)
}

// FromEnv returns the store of a Lambda function: the bucket named in CAFE_BUCKET,
// with the settings that awsenv has for S3.
func FromEnv(getenv func(string) string) (*Bucket, error) {
	name := getenv("CAFE_BUCKET")
	if name == "" {
		return nil, errors.New("CAFE_BUCKET is not set")
	}
	settings, err := awsenv.FromEnv(getenv, "S3")
	if err != nil {
		return nil, err
	}
	return &Bucket{client: newClient(settings), name: name}, nil
}

func newClient(s awsenv.Settings) *awss3.Client {
	return awss3.New(awss3.Options{
		Region: s.Region, Credentials: s.Credentials, BaseEndpoint: s.Endpoint,
		UsePathStyle: s.Endpoint != nil, // a stand-in has no names for buckets
		HTTPClient:   awsenv.HTTPClient(10 * time.Second),
		// Not each object has a checksum, and that is no news.
		DisableLogOutputChecksumValidationSkipped: true,
	})
}

// Open implements objects.Store. A connection that breaks shows as an error of reading.
func (b *Bucket) Open(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	if _, err := objects.FileName(key); err != nil {
		return nil, 0, err
	}
	out, err := b.client.GetObject(ctx, &awss3.GetObjectInput{Bucket: &b.name, Key: &key})
	var missing *types.NoSuchKey
	if errors.As(err, &missing) {
		return nil, 0, fmt.Errorf("open %q: %w", key, cafe.ErrNotFound)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open %q: %w", key, err)
	}
	return out.Body, aws.ToInt64(out.ContentLength), nil
}

// Put implements objects.Store. The body may be up to 5 GB, and is read more than once.
func (b *Bucket) Put(ctx context.Context, key string, body io.ReadSeeker) error {
	if _, err := objects.FileName(key); err != nil {
		return err
	}
	_, err := b.client.PutObject(ctx, &awss3.PutObjectInput{Bucket: &b.name, Key: &key, Body: body, ContentType: aws.String(objects.MediaType(key))})
	if err != nil {
		return fmt.Errorf("put %q: %w", key, err)
	}
	return nil
}
