# The commands a newcomer needs: `make run` and `make test`. Each sets up what it needs first.
PORT ?= 8000
MODEL ?=
SWIFT ?= swift
COUNT ?= 100000
SEED ?= 1
SEEDS ?= 100000
FIRST_SEED ?= 0
MUTATE ?=
MINUTES ?= 1
ONLY ?=
TARGETS ?=
# Tests that keep all cores busy for minutes. They run first and alone, because others meet real processes, sockets and
# timeouts.
COMPUTING = ^Swerve(Control|Routing|Transport|Vision)Tests[.]

.PHONY: run test fuzz run-fuzz test-tsan test-operations run-operations simulate simulate-graph soak chaos bench bench-peers bench-table format \
	check-format check-mutations check-table setup-run setup-test setup-bench setup-load setup-course setup-peers \
	setup-operations setup-picture setup-dashboard dashboard-picture graph-picture graph-targets gpu-check options config-docs clean

run: setup-run
	@echo "Building (release; the first time takes several minutes) ..."
	@$(SWIFT) build -c release --product segmentation --quiet
	@PORT=$(PORT) MODEL=$(MODEL) dev/run-example.sh

test: setup-test setup-operations check-format check-mutations check-table
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --disable-xctest --filter '$(COMPUTING)'
	$(SWIFT) test --skip-build --disable-xctest --skip '$(COMPUTING)'
	@SWIFT=$(SWIFT) dev/test-package.py
	@$(MAKE) --no-print-directory run-operations
	SWIFT_DETERMINISTIC_HASHING=1 SWERVE_SEEDS=1500 .build/debug/simulate-middle
	$(MAKE) --no-print-directory run-fuzz
	.venv/bin/python Examples/Segmentation/training/evaluate.py --require 0.80
	.venv/bin/python Examples/Segmentation/training/compare_engines.py --scenes 100 --repetitions 3
	dev/test-example.sh

# Damaged pictures, arrays, forms, requests and conversations between processes under the address sanitizer:
# make fuzz COUNT=1000000 SEED=2. Some alone: make run-fuzz TARGETS=requests,chunks,connection.
fuzz: setup-test run-fuzz

run-fuzz:
	@SWIFT=$(SWIFT) dev/fuzz.sh $(COUNT) $(SEED) $(TARGETS)

# The tests of the concurrent targets under the thread sanitizer: make test-tsan ONLY=SwerveTransportTests.
test-tsan:
	@SWIFT=$(SWIFT) dev/test-tsan.sh "$(ONLY)"

# swerve and Ray's own command line against the admin server, Ray's example files beside what Ray makes of them, the
# metrics of a loaded instance read by Prometheus' own programs, spans as a collector gets them, and the dashboard in a
# browser.
test-operations: setup-operations
	$(SWIFT) build --product entry-admin
	$(SWIFT) build --product entry-dashboard
	$(SWIFT) build --product entry-tracing
	$(SWIFT) build --product metrics-app
	$(SWIFT) build --product entry-application
	$(SWIFT) build --product entry-ray
	$(SWIFT) build --product swerve
	@$(MAKE) --no-print-directory run-operations
	.venv-operations/bin/python Tests/Operations/dashboard.py .build/debug/entry-dashboard
	.venv-operations/bin/python Tests/Operations/dashboard_pieces.py .build/debug/entry-dashboard
	.venv-operations/bin/python Tests/Operations/check_tracing.py .build/debug/entry-tracing

# Its core, which "make test" runs, too.
run-operations:
	Tests/Operations/swerve_cli.py .build/debug/swerve .build/debug/entry-application
	Tests/Operations/ray_cli.py .build/debug/entry-admin .venv-operations/bin/serve
	.venv-operations/bin/python Tests/Operations/ray_files.py .build/debug/swerve .build/debug/entry-ray \
		.venv-operations/bin/serve
	Tests/Operations/check_metrics.py .build/debug/metrics-app

# Histories of the real middle over simulated sockets: make simulate SEEDS=100000 FIRST_SEED=0. With MUTATE=a (to t) a
# kind of fault is put back into a copy of the tree, and must be found.
simulate:
	@SWIFT=$(SWIFT) SEEDS=$(SEEDS) FIRST_SEED=$(FIRST_SEED) dev/simulate.sh $(if $(filter i,$(MUTATE)),graph,middle) $(MUTATE)

# Random graphs beside their definition: make simulate-graph SEEDS=1000000 FIRST_SEED=7.
simulate-graph:
	@SWIFT=$(SWIFT) SEEDS=$(SEEDS) FIRST_SEED=$(FIRST_SEED) dev/simulate.sh graph

# Load with slow, vanishing and hostile clients while replicas are killed and replaced: make soak MINUTES=10 SEED=2.
# docs/RELIABILITY.md says what is counted.
soak:
	$(SWIFT) build -c release --product soak-app --quiet
	python3 Benchmarks/soak.py --minutes $(MINUTES) --seed $(SEED) $(ARGS)

# A steady load with a schedule, while replicas, controllers and proxies are killed and the applications change:
# make chaos MINUTES=10 SEED=2. docs/RELIABILITY.md says what is counted.
chaos:
	$(SWIFT) build -c release --product chaos-app --quiet
	python3 Benchmarks/chaos.py --minutes $(MINUTES) --seed $(SEED) $(ARGS)

# All benchmarks, which writes Benchmarks/results.md, or some: make bench ONLY=http,handles ARGS="--seconds 1".
bench: $(if $(findstring course,$(ONLY)),setup-course,$(if $(ONLY),setup-load,setup-bench))
	SWIFT=$(SWIFT) python3 Benchmarks/run.py --build $(if $(ONLY),--only $(ONLY)) $(ARGS)

# Other model servers beside Swerve, which adds rows to Benchmarks/results.md: make bench-peers, or some of them:
# make bench-peers ONLY=peers.bentoml.
bench-peers: setup-peers
	SWIFT=$(SWIFT) python3 Benchmarks/peers.py --build $(if $(ONLY),--only $(ONLY)) $(ARGS)

# Writes Benchmarks/results.md and the tables in README.md from Benchmarks/results.json.
bench-table:
	@python3 Benchmarks/table.py --write

# Parts of a GPU, on a machine that has one: needs NVIDIA's driver and the GPU build of ONNX Runtime.
gpu-check: setup-run
	@SWIFT=$(SWIFT) dev/gpu-check.sh

format:
	$(SWIFT) format --in-place --recursive --parallel Package.swift Sources Tests Examples Benchmarks

# That the patches of `make simulate MUTATE=` still fit the sources.
check-mutations:
	@git apply --check Tests/Mutations/*.patch

# That README.md and Benchmarks/results.md show what results.json has, and that no row is named that it lacks; and the
# tests of the code that decides it.
check-table:
	@python3 Benchmarks/table.py --check
	@python3 -m unittest discover --quiet --start-directory Benchmarks/tests --top-level-directory Benchmarks

check-format:
	@$(SWIFT) format lint --strict --recursive --parallel Package.swift Sources Tests Examples Benchmarks

setup-run:
	@dev/setup.sh run
setup-operations:
	@dev/setup.sh operations
setup-test:
	@dev/setup.sh test
setup-bench:
	@dev/setup.sh bench
setup-load:
	@dev/setup.sh load
setup-course:
	@dev/setup.sh course
setup-peers:
	@dev/setup.sh peers

# The picture in docs/GRAPHS.md.
graph-picture: setup-picture
	@$(SWIFT) build --product segmentation --quiet
	@mkdir -p docs/images
	.build/debug/segmentation --draw-graph | dot -Tsvg -o docs/images/ensemble-graph.svg

setup-picture:
	@dev/setup.sh picture

# The pictures in docs/DASHBOARD.md.
dashboard-picture: setup-dashboard
	$(SWIFT) build --product entry-dashboard
	@mkdir -p docs/images
	.venv-operations/bin/python Tests/Operations/dashboard_picture.py .build/debug/entry-dashboard docs/images

setup-dashboard:
	@dev/setup.sh dashboard

# Writes the JSON schema of configuration files and the tables in docs/CONFIG.md, from the tables of fields; and the
# answers that dev/check-ray-shapes.py checks.
config-docs:
	SWERVE_WRITE_CONFIG_FILES=1 swift test --filter SwerveConfigTests

# Writes the parameter lists that follow from the options of a deployment.
options:
	dev/make-options.py

# Draws which target imports which into docs/ARCHITECTURE.md.
graph-targets:
	dev/draw-targets.py

clean:
	rm -rf .build .build-fuzz .build-package .build-static .build-tsan .cache out .venv
