# make demo        seal a real nginx and see the manifest
# make test        all tests: unit and end-to-end
# make test-unit   the tests that need no engine
# The first two use the Docker engine that DOCKER_HOST or the current context names. If none answers, they install one on
# Debian or Ubuntu (as root).
SHELL   := /bin/bash
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
TOOLS   := $(CURDIR)/bin/tools
GOTEST  := go test -race -shuffle=on -timeout 40m

GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
GOLANGCI    := github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.9.0
GORELEASER  := github.com/goreleaser/goreleaser/v2@v2.15.1
CYCLONEDX   := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

# The packages whose logic decides a seal, for make mutate.
MUTATED := plan diff seal trial probe emit yamledit podspec manifest pod advise image profile

.PHONY: build release image test test-unit test-e2e test-cluster bench fuzz mutate lint demo docs engine clean

build:
	VERSION=$(VERSION) scripts/build.sh bin/podseal "$$(go env GOOS)/$$(go env GOARCH)"

# podseal for Linux, macOS and Windows in dist/, as .goreleaser.yaml says. PUBLISH=--publish publishes it.
release: $(TOOLS)/goreleaser $(TOOLS)/cyclonedx-gomod
	scripts/release.sh $(PUBLISH)

# podseal's own container image, for the engine's platform: see docs/ci.md.
IMAGE ?= podseal:dev
image:
	VERSION=$(VERSION) scripts/image.sh $(IMAGE)

# All tests. They start after the engine has been found, so that none may skip because it lacks one: CI=true.
test: engine
	scripts/tools.sh
	CI=true $(GOTEST) -tags engine ./cmd/... ./internal/... ./scripts/... ./examples/...
	CI=true $(GOTEST) -tags engine ./e2e/...

# The tests that need no engine. Those with the build tag "engine" start containers, build images or whole releases.
test-unit:
	$(GOTEST) ./cmd/... ./internal/... ./scripts/...

test-e2e: engine
	scripts/tools.sh
	CI=true $(GOTEST) -tags engine ./e2e/...

# The tests that need a Kubernetes cluster: on that of KUBECONFIG, else on one that is built, started and removed again, on
# Linux as root. The first build takes 10 to 25 minutes and 10 GB of disk.
test-cluster:
	scripts/cluster/test.sh

# Measures the tracer (traced over untraced, in one run), the splice, the check of 1,000 targets over reading their files,
# whole runs over the same by hand, and 10,000 targets on a simulated cluster. These need the engine and an idle machine.
bench: engine
	scripts/tools.sh
	go test -tags engine -run '^$$' -bench . -benchtime 3x -timeout 60m ./internal/trace ./internal/docker ./internal/podrun ./internal/emit ./internal/seals ./e2e
	go test -run TestManyTargets -v ./internal/batch -targets 10000

# Each fuzz target for FUZZTIME, one after the other.
FUZZTIME ?= 30s
fuzz:
	scripts/fuzz.sh $(FUZZTIME)

# Changes one operator at a time at random, and lists the changes that no test of the package notices.
# make mutate N=200 SEED=7 MUTATED="plan diff"
N    ?= 60
SEED ?= 1
mutate:
	go run ./scripts/mutate -n $(N) -seed $(SEED) $(patsubst %,./%/...,$(wildcard $(addprefix internal/,$(MUTATED))))

lint: $(TOOLS)/gofumpt $(TOOLS)/golangci-lint $(TOOLS)/govulncheck
	@out=$$($(TOOLS)/gofumpt -l cmd internal e2e examples scripts); [ -z "$$out" ] || { echo "gofumpt would change:"; echo "$$out"; exit 1; }
	$(TOOLS)/golangci-lint run ./...
	scripts/vuln.sh $(TOOLS)/govulncheck

$(TOOLS)/gofumpt:
	GOBIN=$(TOOLS) go install $(GOFUMPT)
$(TOOLS)/golangci-lint:
	GOBIN=$(TOOLS) nice go install $(GOLANGCI)
$(TOOLS)/govulncheck:
	GOBIN=$(TOOLS) go install $(GOVULNCHECK)
$(TOOLS)/goreleaser:
	GOBIN=$(TOOLS) nice go install $(GORELEASER)
$(TOOLS)/cyclonedx-gomod:
	GOBIN=$(TOOLS) go install $(CYCLONEDX)

demo: engine build
	scripts/tools.sh demo
	scripts/demo.sh

docs:
	mkdir -p bin && go run ./cmd/podseal docs > bin/reference.md && mv bin/reference.md docs/reference.md

engine:
	@scripts/engine.sh

clean:
	rm -rf bin
