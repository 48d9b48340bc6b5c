package objects

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
)

// S3Links makes presigned addresses of S3. It calls nobody, and does without the SDK's
// client for S3 (package bucket), which would be 1.3 MB more in the binary of the API. A
// test holds it to what that client makes. A link ends with the credentials that signed it,
// if that is earlier.
type S3Links struct {
	bucket   string
	settings awsenv.Settings
	base     *url.URL
	signer   *v4.Signer
	now      func() time.Time
}

var _ Links = (*S3Links)(nil)

// LinksFromEnvironment returns the links of a Lambda function, for the bucket named in
// CAFE_BUCKET and with the settings that awsenv has for S3.
func LinksFromEnvironment(getenv func(string) string) (*S3Links, error) {
	settings, bucket, err := BucketSettings(getenv)
	if err != nil {
		return nil, err
	}
	return newS3Links(settings, bucket, time.Now)
}

// BucketSettings returns the name of the bucket, which is in CAFE_BUCKET, and the settings
// that awsenv has for S3. It fails when one of them is missing, and says which.
func BucketSettings(getenv func(string) string) (settings awsenv.Settings, bucket string, err error) {
	if bucket = getenv("CAFE_BUCKET"); bucket == "" {
		return settings, "", errors.New("CAFE_BUCKET is not set")
	}
	settings, err = awsenv.FromEnv(getenv, "S3")
	return settings, bucket, err
}

func newS3Links(settings awsenv.Settings, bucket string, now func() time.Time) (*S3Links, error) {
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
	return &S3Links{bucket: bucket, settings: settings, base: u, signer: signer, now: now}, nil
}

// UploadURL implements Links.
func (l *S3Links) UploadURL(ctx context.Context, key string, life time.Duration) (string, error) {
	return l.sign(ctx, http.MethodPut, key, life, url.Values{"x-id": {"PutObject"}})
}

// DownloadURL implements Links.
func (l *S3Links) DownloadURL(ctx context.Context, key string, life time.Duration) (string, error) {
	return l.sign(ctx, http.MethodGet, key, life, url.Values{
		"x-id": {"GetObject"}, "response-content-disposition": {attachment(key)}, "response-content-type": {MediaType(key)},
	})
}

func (l *S3Links) sign(ctx context.Context, method, key string, life time.Duration, query url.Values) (string, error) {
	if _, err := FileName(key); err != nil {
		return "", err
	}
	s, err := seconds(life)
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
