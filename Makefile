# How `sam build` builds a function (BuildMethod: makefile): ApiFunction is ./cmd/api.
#
#   sam build                        for arm64, the template's default
#   ARCHITECTURE=x86_64 sam build    for x86_64; deploy with Architecture=x86_64, too
#
# SAM does not tell a makefile what the template's parameter Architecture is.

ARCHITECTURE ?= arm64
GOARCH_arm64 = arm64
GOARCH_x86_64 = amd64
GOARCH := $(GOARCH_$(ARCHITECTURE))
ifeq ($(GOARCH),)
$(error ARCHITECTURE=$(ARCHITECTURE) is neither arm64 nor x86_64)
endif

# No RPC (the old Go runtime's), no msgpack in Gin, no HTTP/2 in net/http: the services
# that a function calls speak HTTP/1.1.
TAGS = lambda.norpc,nomsgpack,nethttpomithttp2

# No symbols, and functions 16 bytes apart as on arm64 (32 on amd64 are 80 KB more).
LDFLAGS = -s -w -funcalign=16

# provided.al2023 has no time zones (aws/aws-lambda-dotnet issue 1620). Go's own go beside
# the binary, where ZONEINFO in the template says: a cold start reads one zone of them,
# and the binary is 0.4 MB less than with all of them in it (the tag timetzdata).
ZONES = $(shell go env GOROOT)/lib/time/zoneinfo.zip

build-%Function:
	GOOS=linux GOARCH=$(GOARCH) CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags $(TAGS) -ldflags '$(LDFLAGS)' \
		-o $(ARTIFACTS_DIR)/bootstrap ./cmd/$(shell echo $* | tr A-Z a-z)
	cp $(ZONES) $(ARTIFACTS_DIR)/zoneinfo.zip
	@# Changed parameters reach the live alias of a function only along with changed code
	@# (AutoPublishAlias), so that the package knows of those in samconfig.toml.
	sha256sum samconfig.toml | cut -d' ' -f1 >$(ARTIFACTS_DIR)/settings
