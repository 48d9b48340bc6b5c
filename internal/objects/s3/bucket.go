// Package s3 keeps files in an S3 bucket. Its twin on one machine is package objects/folder.
// Links are made by package presign, so that the API does not link the SDK's client for S3.
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
	"cafe/internal/imports"
	"cafe/internal/objects"
	"cafe/model"
)

// Bucket is the imports.Files on AWS. It is safe for concurrent use. The role that reads needs
// s3:ListBucket, too: without it S3 answers 403 for a missing file.
type Bucket struct {
	client client
	name   string
}

var _ imports.Files = (*Bucket)(nil)

// client is the part of *awss3.Client that is used.
type client interface {
	GetObject(context.Context, *awss3.GetObjectInput, ...func(*awss3.Options)) (*awss3.GetObjectOutput, error)
	PutObject(context.Context, *awss3.PutObjectInput, ...func(*awss3.Options)) (*awss3.PutObjectOutput, error)
	ListObjectsV2(context.Context, *awss3.ListObjectsV2Input, ...func(*awss3.Options)) (*awss3.ListObjectsV2Output, error)
}

// FromEnv returns the bucket of a Lambda function. It reads its name from CAFE_BUCKET, and the
// variables of awsenv.FromEnv for S3. The error names the variable that is missing.
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
		UsePathStyle: s.Endpoint != nil, // a stand-in has no host names for buckets
		HTTPClient:   awsenv.HTTPClient(10 * time.Second),
		// Objects without a checksum are normal and need no line in the log.
		DisableLogOutputChecksumValidationSkipped: true,
	})
}

// Open implements imports.Files. If the connection breaks later, reading returns an error.
func (b *Bucket) Open(ctx context.Context, key string) (io.ReadCloser, int64, error) {
	if _, err := objects.FileName(key); err != nil {
		return nil, 0, err
	}
	out, err := b.client.GetObject(ctx, &awss3.GetObjectInput{Bucket: &b.name, Key: &key})
	var missing *types.NoSuchKey
	if errors.As(err, &missing) {
		return nil, 0, fmt.Errorf("open %q: %w", key, model.ErrNotFound)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open %q: %w", key, err)
	}
	return out.Body, aws.ToInt64(out.ContentLength), nil
}

// Put implements imports.Files. The body has at most 5 GB and is read more than once.
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
