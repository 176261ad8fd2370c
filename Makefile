# Two commands are enough: `make demo` shows that it works, `make test` proves it.
# Each target is one script of scripts/; this file only names them.

.DEFAULT_GOAL := help
.PHONY: help demo test setup build check check-deep bench compare soak docs bless data clean

help: ## Print every target with a line each
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

demo: ## Set up, build, and meter a capture of our own: flows as JSON lines, then the ledger
	@scripts/setup
	@scripts/build
	@scripts/demo

test: ## Set up and run every test, as CI does
	@scripts/setup --test
	@scripts/check

setup: ## Install what is missing for building and testing, and for comparing with tshark and ndpiReader
	@scripts/setup --test --oracles

build: ## Build the Python module and the command into .venv
	@scripts/setup
	@scripts/build

check: ## Run every test without the set-up; `make check STEPS="fmt clippy"` runs some
	@scripts/check $(STEPS)

check-deep: ## What takes long: licences, fuzzing, 100,000 mutated captures
	@scripts/check-deep

bench: ## Run the micro-benchmarks of benches/, some minutes once they are built
	@cargo bench --locked -p flowgauge

compare: ## Run flowgauge and its peers on the same captures, one table: make compare CAPTURES="a.pcap b.pcap"
	@scripts/setup --test --oracles
	@scripts/build
	@scripts/compare $(CAPTURES)

soak: ## Meter mixed captures in a loop for an hour (SOAK_MINUTES=) and see that nothing grows
	@scripts/setup --test
	@scripts/build
	@scripts/soak

docs: ## Build the documentation of the Rust library
	@cargo doc --locked --no-deps --lib -p flowgauge
	@echo "target/doc/flowgauge/index.html"

bless: ## Write what the code now says into tests/golden; review the diff
	@scripts/bless

data: ## Make the generated captures of tests/data again; the bytes stay the same
	@python3 -B scripts/make_test_data.py tests/data

clean: ## Remove everything that was built, .venv too
	@cargo clean
	@rm -rf .venv .mypy_cache .pytest_cache
