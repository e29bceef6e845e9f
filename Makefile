# `make` lists the targets. Tools are installed on first use by .ci/tools.
SHELL := /bin/bash
.DEFAULT_GOAL := help

tools := $(or $(BINNACLE_TOOLS),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/binnacle/tools)
target := $(or $(CARGO_TARGET_DIR),target)
# cargo-leptos finds wasm-bindgen and wasm-opt on the path.
export PATH := $(tools)/bin:$(CURDIR)/end2end/node_modules/.bin:$(PATH)

# Erased views compile ten times faster, and are smaller: the first load 286 KB instead of 342, the overview's tab 62
# instead of 96. The flag stands around everything but `make dev`, where cargo-leptos sets its own.
# mold shortens every link where it is installed.
mold := $(if $(shell command -v mold),-C link-arg=-fuse-ld=mold)
native := RUSTFLAGS="--cfg erase_components $(mold)"
# For wasm, which mold cannot link, and for the release, whose wasm part gets the same flags.
wasm := RUSTFLAGS="--cfg erase_components"

.PHONY: help run dev check test unit fmt lint build e2e bench soak fuzz

help: ## list these targets
	@grep -hE '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9]+):.*## /  make \1\t/' | expand -t 16

run: build ## build and start Binnacle (KUBECONFIG, or ARGS="--data ...")
	$(target)/release/binnacle $(ARGS)

dev: ## rebuild and reload while editing
	@.ci/tools build
	@.ci/styles
	cargo leptos watch --split

check: ## type-check both targets
	@.ci/tools rust
	$(native) cargo check
	$(wasm) cargo check -p frontend --target wasm32-unknown-unknown

test: ## everything CI runs: tools, lint, unit tests, build, browser tests
	@.ci/stage tools .ci/tools all
	@.ci/stage lint $(MAKE) --no-print-directory lint
	@.ci/stage unit $(MAKE) --no-print-directory unit
	@.ci/stage build $(MAKE) --no-print-directory build
	@.ci/stage e2e $(MAKE) --no-print-directory e2e

unit: ## unit and crate tests
	@.ci/tools rust
	$(native) cargo test --no-fail-fast

fmt: ## format all Rust code
	cargo fmt --all

lint: ## formatting, clippy and the types of the browser tests
	@.ci/tools rust node
	cargo fmt --all --check
	$(native) cargo clippy --all-targets -- -D warnings
	$(wasm) cargo clippy -p frontend --target wasm32-unknown-unknown -- -D warnings
	npm --prefix end2end run --silent check

# The server is compiled last, with the site in it, compressed: one file to ship.
build: ## the release binary with the site in it
	@.ci/tools build
	@.ci/styles
	$(wasm) BINNACLE_SITE="$(CURDIR)/target/site" cargo leptos build --release --split --precompress --bin-features embed

e2e: ## browser tests on a real control plane (ARGS="shell" for one spec)
	@.ci/tools debian node controlplane python senders
	cd end2end && CARGO_TARGET_DIR="$(abspath $(target))" npx playwright test $(ARGS)

# BINNACLE_BENCH=full sends as much as the targets speak of, which takes an hour and 20 GB.
bench: ## print figures beside their targets, and the scores of verdicts and leaks (needs `make build`)
	@.ci/tools debian node controlplane
	$(wasm) cargo build --release --quiet -p load -p store --bin load --example queries
	CARGO_TARGET_DIR="$(abspath $(target))" node end2end/bench/run.mjs
	cargo run --release --quiet -p cluster --example churn
	cargo run --release --quiet -p cluster --example kubelets
	cargo run --release --quiet -p analysis --example speed
	cargo run --release --quiet -p analysis --example score -- 40
	cargo run --release --quiet -p analysis --example leaks -- 40

# Each for another number: BINNACLE_KILLS=n, BINNACLE_POWER_LOSSES=n, BINNACLE_FAULTS=n.
soak: ## a thousand kills, 500 losses of power and 200 faults of the disk while telemetry arrives; watch faults at full length
	@.ci/tools rust compiler
	$(native) cargo test --test faults -- --ignored --nocapture
	$(native) BINNACLE_KILLS=$(or $(BINNACLE_KILLS),1000) cargo test --test kills -- --nocapture
	$(native) BINNACLE_POWER_LOSSES=$(or $(BINNACLE_POWER_LOSSES),500) cargo test --test powerloss -- --nocapture
	$(native) BINNACLE_FAULTS=$(or $(BINNACLE_FAULTS),200) cargo test --test writes -- --nocapture

fuzz: ## every fuzz target for ten minutes (SECONDS_EACH=n for another time)
	@.ci/tools fuzz
	for target in otlp json body block; do \
	  mkdir -p server/fuzz/found/$$target && cargo +nightly fuzz run --fuzz-dir server/fuzz $$target \
	    server/fuzz/found/$$target server/fuzz/corpus/$$target -- -max_total_time=$(or $(SECONDS_EACH),600) || exit 1; done
