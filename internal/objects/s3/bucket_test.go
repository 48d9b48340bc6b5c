package s3_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"cafe/internal/awsenv"
	"cafe/internal/objects/objectstest"
	"cafe/internal/objects/s3"
	"cafe/internal/objects/s3/presign"
)

func environment(endpoint, name string) func(string) string {
	env := map[string]string{
		"AWS_REGION": "eu-west-2", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_SESSION_TOKEN": "a/token+",
		"AWS_ENDPOINT_URL_S3": endpoint, "CAFE_BUCKET": name,
	}
	return func(name string) string { return env[name] }
}

func world(t *testing.T, endpoint, name string) objectstest.World {
	t.Helper()
	env := environment(endpoint, name)
	bucket, err := s3.FromEnv(env)
	if err != nil {
		t.Fatal(err)
	}
	links, err := presign.FromEnv(env)
	if err != nil {
		t.Fatal(err)
	}
	return objectstest.World{Files: bucket, Links: links}
}

func TestContractOnAFake(t *testing.T) {
	objectstest.Contract(t, func(t *testing.T) objectstest.World {
		fake := httptest.NewServer(&fakeS3{objects: map[string]stored{}})
		t.Cleanup(fake.Close)
		return world(t, fake.URL, "cafe-uploads")
	})
}

func TestContractOnMoto(t *testing.T) {
	endpoint := os.Getenv("AWS_ENDPOINT_URL_S3")
	if endpoint == "" {
		t.Skip(`AWS_ENDPOINT_URL_S3 is not set: start moto with eval "$(.ci/moto env)"`)
	}
	if strings.Contains(endpoint, "amazonaws.") {
		t.Fatal("AWS_ENDPOINT_URL_S3 is AWS itself: this test must not cost money")
	}
	with, err := awsenv.FromEnv(environment(endpoint, ""), "S3")
	if err != nil {
		t.Fatal(err)
	}
	client := awss3.New(awss3.Options{Region: with.Region, Credentials: with.Credentials, BaseEndpoint: with.Endpoint, UsePathStyle: true})
	objectstest.Contract(t, func(t *testing.T) objectstest.World {
		name := "cafe-test-" + strings.ToLower(rand.Text())
		_, err := client.CreateBucket(context.Background(), &awss3.CreateBucketInput{
			Bucket: &name, CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-2"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return world(t, endpoint, name)
	})
}

// fakeS3 is a bucket as far as the café uses one.
type fakeS3 struct {
	mu      sync.Mutex
	objects map[string]stored // by path
}

type stored struct {
	content   []byte
	mediaType string
}

func (f *fakeS3) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch o, has := f.objects[r.URL.Path]; {
	case r.Method == http.MethodPut:
		content, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		f.objects[r.URL.Path] = stored{content, r.Header.Get("Content-Type")}
	case !has:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>`)
	default:
		q := r.URL.Query()
		w.Header().Set("Content-Type", o.mediaType)
		if t := q.Get("response-content-type"); t != "" {
			w.Header().Set("Content-Type", t)
		}
		if d := q.Get("response-content-disposition"); d != "" {
			w.Header().Set("Content-Disposition", d)
		}
		_, _ = w.Write(o.content)
	}
}

func TestMissingVariablesAreNamed(t *testing.T) {
	for _, missing := range []string{"CAFE_BUCKET", "AWS_REGION"} {
		env := func(name string) string {
			if name == missing {
				return ""
			}
			return environment("http://127.0.0.1:1", "b")(name)
		}
		if _, err := s3.FromEnv(env); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("bucket without %s: error %v", missing, err)
		}
		if _, err := presign.FromEnv(env); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("links without %s: error %v", missing, err)
		}
	}
}
