// Package presign makes links to files in an S3 bucket, which are presigned URLs. It signs them
// without the SDK's client for S3, which would add 1.3 MB to the binary of the API. A test
// compares its links with those of that client.
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

// Links is the imports.Links on AWS. It is safe for concurrent use and sends nothing. A link ends
// early if the credentials that signed it do. Lives are whole seconds, at most seven days.
type Links struct {
	settings awsenv.Settings
	base     *url.URL // of the bucket
	signer   *v4.Signer
	now      func() time.Time
}

// FromEnv returns the links of a Lambda function. It reads the bucket's name from CAFE_BUCKET,
// and the variables of awsenv.FromEnv for S3. The error names the variable that is missing.
func FromEnv(getenv func(string) string) (*Links, error) {
	bucket := getenv("CAFE_BUCKET")
	if bucket == "" {
		return nil, errors.New("CAFE_BUCKET is not set")
	}
	settings, err := awsenv.FromEnv(getenv, "S3")
	if err != nil {
		return nil, err
	}
	return newLinks(settings, bucket, time.Now)
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
		return nil, fmt.Errorf("S3 endpoint: %w", err)
	}
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	return &Links{settings: settings, base: u, signer: signer, now: now}, nil
}

// UploadURL returns where a client sends the file with PUT. The client needs no header.
func (l *Links) UploadURL(ctx context.Context, key string, life time.Duration) (string, error) {
	return l.sign(ctx, http.MethodPut, key, life, url.Values{"x-id": {"PutObject"}})
}

// DownloadURL returns where a client fetches the file with GET, to save it under the last part
// of its key. The file may come to be after the link.
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
