// Package presign makes links to files in an S3 bucket.
package presign

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/encoding/httpbinding"

	"cafe/internal/awsenv"
	"cafe/internal/objects"
)

// Links makes presigned addresses of S3. It calls nobody, and does without the SDK's
// client for S3 (package bucket), which would be 1.3 MB more in the binary of the API. A
// test holds it to what that client makes. A link ends with the credentials that signed it,
// if that is earlier.
type Links struct {
	bucket   string
	settings awsenv.Settings
	base     *url.URL
	signer   *v4.Signer
	now      func() time.Time
}

// FromEnv returns the links of a Lambda function, for the bucket named in
// CAFE_BUCKET and with the settings that awsenv has for S3.
func FromEnv(getenv func(string) string) (*Links, error) {
	settings, bucket, err := bucketSettings(getenv)
	if err != nil {
		return nil, err
	}
	return newLinks(settings, bucket, time.Now)
}

// bucketSettings returns the name of the bucket, which is in CAFE_BUCKET, and the settings
// that awsenv has for S3. It fails when one of them is missing, and says which.
func bucketSettings(getenv func(string) string) (settings awsenv.Settings, bucket string, err error) {
	if bucket = getenv("CAFE_BUCKET"); bucket == "" {
		return settings, "", errors.New("CAFE_BUCKET is not set")
	}
	settings, err = awsenv.FromEnv(getenv, "S3")
	return settings, bucket, err
}

func newLinks(settings awsenv.Settings, bucket string, now func() time.Time) (*Links, error) {
	host := bucket + ".s3." + settings.Region + ".amazonaws.com"
	if strings.HasPrefix(settings.Region, "cn-") {
		host += ".cn"
	}
	base := "https://" + host
	if settings.Endpoint != nil {
		base = strings.TrimSuffix(*settings.Endpoint, "/") + "/" + bucket
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, fmt.Errorf("endpoint of S3: %w", err)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	return &Links{bucket: bucket, settings: settings, base: u, signer: signer, now: now}, nil
}

// UploadURL implements Links.
func (l *Links) UploadURL(ctx context.Context, key string, life time.Duration) (string, error) {
	return l.sign(ctx, http.MethodPut, key, life, url.Values{"x-id": {"PutObject"}})
}

// DownloadURL implements Links.
func (l *Links) DownloadURL(ctx context.Context, key string, life time.Duration) (string, error) {
	return l.sign(ctx, http.MethodGet, key, life, url.Values{
		"x-id": {"GetObject"}, "response-content-disposition": {objects.Disposition(key)}, "response-content-type": {objects.MediaType(key)},
	})
}

func (l *Links) sign(ctx context.Context, method, key string, life time.Duration, query url.Values) (string, error) {
	if _, err := objects.FileName(key); err != nil {
		return "", err
	}
	s, err := objects.Seconds(life)
	if err != nil {
		return "", err
	}
	keys, err := l.settings.Credentials.Retrieve(ctx)
	if err != nil {
		return "", fmt.Errorf("credentials to sign a link: %w", err)
	}
	query.Set("X-Amz-Expires", strconv.FormatInt(s, 10))
	u := *l.base
	u.Path, u.RawPath = u.Path+"/"+key, u.Path+"/"+httpbinding.EscapePath(key, false)
	u.RawQuery = query.Encode()
	signed, _, err := l.signer.PresignHTTP(ctx, keys, &http.Request{Method: method, URL: &u, Host: u.Host, Header: http.Header{}},
		"UNSIGNED-PAYLOAD", "s3", l.settings.Region, l.now())
	if err != nil {
		return "", fmt.Errorf("sign a link: %w", err)
	}
	return signed, nil
}
