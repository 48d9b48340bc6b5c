package presign_test

import (
	"context"
	"mime"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"cafe/internal/awsenv"
	"cafe/internal/objects/objectstest"
	"cafe/internal/objects/s3/presign"
)

func settings(t *testing.T) awsenv.Settings {
	t.Helper()
	env := map[string]string{"AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "a/token+"}
	s, err := awsenv.FromEnv(func(name string) string { return env[name] }, "S3")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Whole URLs are compared, with their signatures.
func TestLinksAreThoseOfTheSDK(t *testing.T) {
	ctx := context.Background()
	endpoint := "http://127.0.0.1:9/"
	for _, region := range []string{"eu-west-2", "us-east-1", "us-gov-west-1", "cn-north-1"} {
		for _, standIn := range []*string{nil, &endpoint} {
			s := settings(t)
			s.Region, s.Endpoint = region, standIn
			client := awss3.NewPresignClient(awss3.New(awss3.Options{
				Region: region, Credentials: s.Credentials, BaseEndpoint: standIn, UsePathStyle: standIn != nil,
				RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
			}), awss3.WithPresignExpires(time.Hour))
			for _, key := range objectstest.AwkwardKeys {
				disposition := mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(key)})
				contentType := "application/octet-stream"
				if path.Ext(key) == ".csv" {
					contentType = "text/csv; charset=utf-8"
				}
				up, err := client.PresignPutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("cafe-uploads"), Key: &key})
				if err != nil {
					t.Fatal(err)
				}
				down, err := client.PresignGetObject(ctx, &awss3.GetObjectInput{
					Bucket: aws.String("cafe-uploads"), Key: &key,
					ResponseContentDisposition: &disposition, ResponseContentType: &contentType,
				})
				if err != nil {
					t.Fatal(err)
				}
				for want, link := range map[string]func(*presign.Links) (string, error){
					up.URL:   func(l *presign.Links) (string, error) { return l.UploadURL(ctx, key, time.Hour) },
					down.URL: func(l *presign.Links) (string, error) { return l.DownloadURL(ctx, key, time.Hour) },
				} {
					links, err := presign.New(s, "cafe-uploads", func() time.Time { return signedAt(t, want) })
					if err != nil {
						t.Fatal(err)
					}
					got, err := link(links)
					if err != nil {
						t.Fatal(err)
					}
					if got != want {
						t.Errorf("%s, %q:\ngot  %s\nwant %s", region, key, got, want)
					}
				}
				if len(up.SignedHeader) != 1 || up.SignedHeader.Get("Host") == "" {
					t.Errorf("the client would have to send %v, too", up.SignedHeader)
				}
			}
		}
	}
}

func signedAt(t *testing.T, link string) time.Time {
	t.Helper()
	_, after, _ := strings.Cut(link, "X-Amz-Date=")
	at, err := time.Parse("20060102T150405Z", after[:16])
	if err != nil {
		t.Fatal(err)
	}
	return at
}
