# Every target with a "##" comment shows up in `make help`; a test compares.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# runtime/secret, which wipes what handled a secret, needs the experiment in
# every build, test and lint run. Nothing else is expected in it.
export GOEXPERIMENT := runtimesecret

# The program, its tests and tools are compiled with the same flags, and so packages that
# they share are compiled once; without the tree's path in them also copies of it share them.
export GOFLAGS := $(strip $(filter-out -trimpath,$(shell go env GOFLAGS)) -trimpath)

# A clone that another user owns is no reason to fail: it is only asked its name.
VERSION  ?= $(shell git -c safe.directory='*' describe --tags --always --dirty 2>/dev/null || echo dev)
BUILD    := go build -buildvcs=false -ldflags '-s -w -X main.version=$(VERSION)'
TOOL     := go tool -modfile=tools/go.mod
# The race detector only makes these slow. They compute, on memory that no two goroutines
# share; and the SQLite that is translated from C, with what it stands on, has its memory
# beside Go's heap, where the detector does not look. What reads the product's own memory,
# such as encoders, hashes and ciphers, stays under it.
NORACE   := modernc.org/sqlite/lib modernc.org/libc/... modernc.org/memory \
	golang.org/x/crypto/argon2 github.com/decred/dcrd/dcrec/secp256k1/v4/... github.com/holiman/uint256 \
	crypto/internal/fips140/bigmod crypto/internal/fips140/nistec/... crypto/internal/fips140/edwards25519/... \
	crypto/internal/fips140/pbkdf2 crypto/internal/fips140/hmac \
	github.com/boombuler/barcode/... github.com/danielgtaylor/huma/v2
RACE     := -race $(NORACE:%=-gcflags=%=-race=false)
# All of vet runs in lint and cross. Tests wait for other processes a good part of their
# time: so more packages than processors are tested at once, those that take longest first.
GOTEST   := CGO_ENABLED=1 ONECLAW_TEST_RACE="$(RACE)" $(TOOL) gotestsum --format standard-quiet -- \
	-count=1 -timeout 45m -vet=off -p 3 $(RACE)
FUZZTIME ?= 10s
PKG      ?= ./internal/httpapi ./internal/e2e ./...
# Labelled texts, which are not part of the repository: docs/shroud-detection.md.
DETECT_DATA ?= ../shared/data/detect/train.tar.gz

##@ Use

help: ## list the targets
	@awk -f scripts/help.awk $(MAKEFILE_LIST)

run: build ## build, then start everything on this machine: make run ARGS="--listen 127.0.0.1:0"
	bin/oneclaw dev $(ARGS)

build: ## bin/oneclaw: one static binary, pure Go
	CGO_ENABLED=0 $(BUILD) -o bin/oneclaw ./cmd/oneclaw

build-hsm: ## bin/oneclaw-hsm: the same with PKCS#11, which needs a C compiler
	CGO_ENABLED=1 $(BUILD) -tags pkcs11 -o bin/oneclaw-hsm ./cmd/oneclaw

##@ Check

test: test-deps test-memory test-evm ## all tests, with the race detector, PostgreSQL, SoftHSM, anvil, geth and a real MCP client (PKG=./internal/x/... for some)
	$(GOTEST) -tags pkcs11 $(PKG)

# The race detector's shadow memory can't be searched, so these run without it.
test-memory: ## only the tests that look for secrets in the process's memory
PKG      ?= ./internal/httpapi ./internal/e2e ./...
# Labelled texts, which are not part of the repository: docs/shroud-detection.md.
DETECT_DATA ?= ../shared/data/detect/train.tar.gz

# A module of its own keeps go-ethereum out of the product's go.mod. It is computation
# in one goroutine, which the race detector only makes slow.
test-evm: test-deps ## only the comparison with go-ethereum, ethers and viem
	cd test/evm && CGO_ENABLED=1 go tool -modfile=../../tools/go.mod gotestsum --format standard-quiet -- -count=1 -timeout 10m ./...

test-pg: test-deps ## only the tests of storage on both databases
	$(GOTEST) ./internal/testkit/pgtest/... ./internal/sqldb/... ./internal/store/...

test-hsm: test-deps ## only the tests of the keystores, SoftHSM among them
	$(GOTEST) -tags pkcs11 ./internal/keystore/...

test-deps: ## install what the tests need beside Go (as root on Debian)
	scripts/test-deps.sh

drill: ## the leak drill: an agent does its jobs with secrets that it never sees, and everything is searched for them
	go test -count=1 -v -run 'TestTheLeakDrill|TestTheDrillBites' ./internal/e2e

fuzz: ## run every fuzz target for FUZZTIME (10s); `make test` runs their seeds only
	scripts/fuzz.sh $(FUZZTIME)

lint: ## golangci-lint, as pinned in tools/go.mod
	$(TOOL) golangci-lint run

fmt: ## format the code
	$(TOOL) golangci-lint fmt

cross: ## build and vet for linux, darwin and windows, on amd64 and arm64
	scripts/cross.sh

vuln: ## look for known vulnerabilities in what is linked
	scripts/vuln.sh

##@ Maintain

generate: ## write generated files again: OpenAPI document, docs from code
	go generate ./...

check-generate: ## fail when generated files are not what the code says
	scripts/check-generate.sh

bench: build ## drive the real binary with load and print figures: make bench ARGS="..."
	go run ./bench $(ARGS)

bench-detect: ## what the detectors of Shroud find, miss and cost on labelled texts: make bench-detect ARGS="-data FILE"
	go run ./bench/detect $(ARGS)
train-detect: ## learn the weights of the injection detector again, from DETECT_DATA
	go run ./internal/shroud/inject/train -data $(DETECT_DATA) weights

bench-inject: ## print what the injection detector finds, source by source, from DETECT_DATA
	go run ./internal/shroud/inject/train -data $(DETECT_DATA) bench

clean: ## remove what was built
	rm -rf bin dist

pictures: ## take the pictures of the dashboard in docs/images again
	ONECLAW_DOC_PICTURES=1 go test -count=1 -vet=off -run TestTheDocsHaveTheirPictures ./internal/dashboard/drive

.PHONY: help run build build-hsm test test-memory test-evm test-pg test-hsm test-deps drill fuzz lint fmt cross vuln generate check-generate bench bench-detect bench-inject train-detect pictures clean
