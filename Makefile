# Margay: make help lists what can be done here.
SHELL      := /bin/bash
GO         ?= go
BIN        := bin
VERSION    ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS    := -s -w -X main.version=$(VERSION)
PACKAGES   := ./...
FUZZTIME   ?= 20s
SOAK       ?= 2000
export CGO_ENABLED = 1

.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

need: # name what is missing before a compiler does it less kindly
	@missing=; for tool in $(GO) gcc g++ git; do command -v $$tool >/dev/null 2>&1 || missing="$$missing $$tool"; done; \
	if [ -n "$$missing" ]; then echo "Missing:$$missing. Margay builds with Go 1.26 or later, gcc, g++, make and git."; exit 1; fi

build: need ## build bin/margay
	$(GO) build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/margay ./cmd/margay

run: build ## build, then run the demo: a mongod that writes, Margay that collects and answers
	$(BIN)/margay demo $(ARGS)

test: need ## run all tests (within 10 minutes)
	$(GO) test -timeout 9m $(PACKAGES)

race: need ## run all tests with the race detector
	$(GO) test -race -timeout 20m $(PACKAGES)

fuzz: need ## run every fuzz target for FUZZTIME each (default 20s)
	@set -e; for pkg in $$($(GO) list $(PACKAGES)); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzzminimizetime 5x -fuzztime $(FUZZTIME) $$pkg; \
	  done; done

soak: need ## kill -9 the real process SOAK times (default 2000) at random instants
	MARGAY_KILLS=$(SOAK) $(GO) test -count=1 -timeout 0 -run 'Kill' -v ./cmd/margay

bench: need ## measure: the hot paths, then whole processes (MARGAY_CORPUS=FILE takes another corpus)
	$(GO) test -run '^$$' -bench . -benchtime 2s ./extjson ./schema ./auditlog/... ./store/parquet ./store/segment ./source/file ./pipeline
	$(GO) test -run '^$$' -bench . -benchtime 1x -timeout 60m ./cmd/margay

lint: need $(BIN)/golangci-lint ## gofumpt, go vet, staticcheck, golangci-lint
	$(GO) vet $(PACKAGES)
	@out=$$($(BIN)/gofumpt -l $$(git ls-files '*.go')); if [ -n "$$out" ]; then echo "not gofumpt-ed:"; echo "$$out"; exit 1; fi
	$(BIN)/staticcheck $(PACKAGES)
	$(BIN)/golangci-lint run

$(BIN)/golangci-lint: tools/go.mod tools/go.sum
	@mkdir -p $(BIN)
	cd tools && $(GO) build -o ../$(BIN)/ tool
	@touch $@

generate: need ## write the reference pages in docs/reference anew
	$(GO) generate $(PACKAGES)

clean: ## remove what make built
	rm -rf $(BIN)

.PHONY: help need build run test race fuzz soak bench lint generate clean
