.DEFAULT_GOAL := help
.PHONY: help build resources man profiles test nightly e2e examples bench lint vet-all fuzz ci release-check

FUZZTIME ?= 10s
WINRES := go run github.com/tc-hib/go-winres@v0.3.3

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build ./modelrun, as it is released
	.ci/build modelrun$(shell go env GOEXE)

resources: ## the Windows programs' icon, manifest and version, as cmd/modelrun/*.syso
	go run cmd/modelrun/winres/icon.go cmd/modelrun/winres/icon.png
	$(WINRES) make --in cmd/modelrun/winres/winres.json --out cmd/modelrun/rsrc --arch amd64,arm64 \
		$(if $(RELEASE),--file-version '$(RELEASE)' --product-version '$(RELEASE)')

man: ## docs/modelrun.1 and the golden help, made anew from the options
	UPDATE_SCRIPTS=1 go test -count=1 -run 'TestManPage|TestHelp' ./shim/cli

profiles: ## the versions of the built-in profiles, from the indexes; ACCEL=cu132 or FAMILY=onnx for one
	go run ./cmd/genprofiles $(if $(ACCEL),-accel $(ACCEL)) $(if $(FAMILY),-family $(FAMILY))

test: ## run the tests with the race detector
	go test -race -timeout 30m ./...

nightly: ## every point at which a crash is tried, not a sample
	.ci/run nightly

e2e: ## make real environments from the real index and run the examples in them
	.ci/run e2e

examples: ## the same with every example: 13 GB, and llama.cpp is compiled
	TEST_E2E=all .ci/run e2e

bench: ## what a launch adds, as a table and as the ratio to a Go program that only execs
	go test -run='^$$' -bench=Launch -benchtime=1x ./cmd/modelrun

lint: ## gofmt, go.mod, golangci-lint for linux, darwin and windows
	.ci/run format modules lint

vet-all: ## go vet for the six platforms
	.ci/run vet

fuzz: ## every fuzz target for FUZZTIME (10s)
	@go list ./... | while read -r pkg; do \
		go test -list='^Fuzz' "$$pkg" | grep '^Fuzz' | while read -r target; do \
			echo "$$pkg $$target"; \
			go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) "$$pkg" </dev/null || exit 1; \
		done || exit 1; \
	done

ci: ## everything that must hold before a change lands
	.ci/run

release-check: ## check .goreleaser.yaml, build the six platforms, check the size
	.ci/run build size release
