# How `sam build` builds a function (BuildMethod: makefile): ApiFunction is ./cmd/api.
#
#   sam build                        for arm64, the template's default
#   ARCHITECTURE=x86_64 sam build    for x86_64; deploy with Architecture=x86_64, too
#
# SAM does not pass the template's parameter Architecture to a makefile.

ARCHITECTURE ?= arm64
GOARCH_arm64 = arm64
GOARCH_x86_64 = amd64
GOARCH := $(GOARCH_$(ARCHITECTURE))
ifeq ($(GOARCH),)
$(error ARCHITECTURE=$(ARCHITECTURE) is neither arm64 nor x86_64)
endif

# Left out: RPC (of the old Go runtime), msgpack in Gin, and HTTP/2 in net/http, since the
# services that a function calls speak HTTP/1.1. The API's reference lies beside the binary.
TAGS = lambda.norpc,nomsgpack,nethttpomithttp2,beside

# No symbols. Functions are aligned to 16 bytes, as on arm64; the 32 of amd64 cost 80 KB.
LDFLAGS = -s -w -funcalign=16

# Compiled without inlining, code is smaller: about a megabyte less in the API function, and as
# much in the reporter and the importer. It is no loss where few requests come by: network
# and TLS set-up, curves other than those in assembly, the report, the clients of AWS services
# (GET /orders/{id} goes around DynamoDB's). The last line is on the way of all requests. It
# saves 287 KB, and costs a warm POST 7 % of its processor time (.ci/measure lambda).
COLD = golang.org/x/text/... vendor/golang.org/x/... \
	github.com/gin-gonic/gin/binding github.com/aws/aws-sdk-go-v2/... github.com/aws/smithy-go/... \
	net net/http net/mail net/textproto mime mime/multipart regexp/... text/template/... html \
	encoding/json encoding/asn1 math/big compress/gzip compress/flate log/slog log/slog/internal/... \
	crypto/tls crypto/x509 crypto/ecdsa crypto/rsa crypto/hpke crypto/internal/fips140/nistec/... crypto/internal/fips140/edwards25519/... \
	crypto/internal/fips140/ecdsa crypto/internal/fips140/ecdh crypto/internal/fips140/rsa crypto/internal/fips140/mlkem crypto/internal/fips140/sha3 \
	fmt net/url time os syscall internal/poll strings github.com/aws/aws-lambda-go/... github.com/go-json-experiment/... cafe/...
GCFLAGS = $(foreach package,$(COLD),-gcflags=$(package)=-l)

# provided.al2023 has no time zones (aws/aws-lambda-dotnet issue 1620). So Go's own file lies
# beside the binary, where ZONEINFO in the template points. A cold start reads one zone from
# it. With all zones in the binary (the tag timetzdata) it would be 0.4 MB larger.
ZONES = $(shell go env GOROOT)/lib/time/zoneinfo.zip

build-%Function:
	GOOS=linux GOARCH=$(GOARCH) CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags $(TAGS) $(GCFLAGS) -ldflags '$(LDFLAGS)' \
		-o $(ARTIFACTS_DIR)/bootstrap ./cmd/$(shell echo $* | tr A-Z a-z)
	cp $(ZONES) $(ARTIFACTS_DIR)/zoneinfo.zip
	$(if $(filter Api,$*),cp api/*.gz $(ARTIFACTS_DIR))

# Looks at a café from outside: make smoke URL=… TOKEN=… (tools/smoke says what it does).
smoke:
	@URL='$(URL)' TOKEN='$(TOKEN)' go run ./tools/smoke
.PHONY: smoke
