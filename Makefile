# The commands a newcomer needs: `make run` and `make test`. Each sets up what it needs first.
PORT ?= 8000
MODEL ?=
SWIFT ?= swift
COUNT ?= 100000
SEED ?= 1
TARGETS ?=

.PHONY: run test fuzz run-fuzz bench bench-peers format check-format setup-run setup-test setup-bench setup-picture graph-picture clean

run: setup-run
	@echo "Building (release; the first time takes several minutes) ..."
	@$(SWIFT) build -c release --product segmentation --quiet
	@PORT=$(PORT) MODEL=$(MODEL) dev/run-example.sh

test: setup-test check-format
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --disable-xctest
	$(MAKE) --no-print-directory run-fuzz
	.venv/bin/python Examples/Segmentation/training/evaluate.py --require 0.80
	dev/test-example.sh

# Damaged pictures, arrays, forms and requests under the address sanitizer: make fuzz COUNT=1000000 SEED=2. Some alone:
# make run-fuzz TARGETS=requests,chunks,connection.
fuzz: setup-test run-fuzz

run-fuzz:
	@SWIFT=$(SWIFT) dev/fuzz.sh $(COUNT) $(SEED) $(TARGETS)

bench: setup-bench
	$(SWIFT) build -c release --product bench-app --quiet
	$(SWIFT) build -c release --product bench-graph --quiet
	$(SWIFT) build -c release --product bench-handles --quiet
	$(SWIFT) build -c release --product bench-hummingbird --quiet
	$(SWIFT) build -c release --product bench-vision --quiet
	$(SWIFT) build -c release --product segmentation --quiet
	python3 Benchmarks/run.py $(ARGS)

bench-peers: bench
	python3 Benchmarks/peers.py

format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests Examples Benchmarks

check-format:
	@$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Examples Benchmarks

setup-run:
	@dev/setup.sh run
setup-test:
	@dev/setup.sh test
setup-bench:
	@dev/setup.sh bench

# The picture in docs/GRAPHS.md.
graph-picture: setup-picture
	@$(SWIFT) build --product segmentation --quiet
	@mkdir -p docs/images
	.build/debug/segmentation --draw-graph | dot -Tsvg -o docs/images/ensemble-graph.svg

setup-picture:
	@dev/setup.sh picture

clean:
	rm -rf .build .build-fuzz .cache out .venv
