# Needs Python 3.11+, Node 20+ and make; brings everything else itself.
#   make demo    the whole product on sample data, in a throw-away folder
#   make run     the server on 127.0.0.1:8000, its data in ./screenpop-data
#   make test    all tests        make check   style, types, import directions
#   make bench   the product against a bare server that does the same work; suggestions; look-ups
#                (ARGS=--quick for less, ARGS=--sync or --lists for a million customers)
#   make fuzz    half a million random webhook bodies and pieces of streams
#   make lock    renew requirements/*.txt from pyproject.toml
# ARGS is handed on: make demo ARGS="--port 9000"; make test ARGS="tests/core -k withheld"

PYTHON ?= python3
BIN := .venv/bin
NPM_CI := npm ci --no-audit --no-fund --loglevel=error

VENV := .venv/.installed
# An environment of its own for the SDK that SignalWire's signatures are checked against.
SIGNALWIRE := .venv-signalwire/.installed
REAL_SYSTEMS := .venv-real/.installed
UI_PACKAGES := screenpop_ui/node_modules/.installed
UI := screenpop_ui/dist/index.html
BROWSER := tests/chromium/node_modules/.installed

# Folders are named too, so that a file taken away also counts as a change.
UI_SOURCES := $(shell find screenpop_ui \( -name node_modules -o -name dist -o -name tests \) -prune \
	-o \( -type d -o -type f \) -print)

.DELETE_ON_ERROR:
.PHONY: demo run test check check-python check-ui bench fuzz lock clean

demo: $(VENV) $(UI)
	$(BIN)/screenpop demo $(ARGS)

run: $(VENV) $(UI)
	$(BIN)/screenpop serve $(ARGS)

# pytest last: its closing line sums up the run.
test: $(VENV) $(SIGNALWIRE) $(REAL_SYSTEMS) $(UI) $(BROWSER)
	cd screenpop_ui && npm test
	$(BIN)/pytest --numprocesses=logical --maxprocesses=4 --dist=worksteal $(ARGS)

check: check-python check-ui

check-python: $(VENV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check-ui: $(UI_PACKAGES)
	cd screenpop_ui && npm run types && npm run lint

# 28,000 bodies or pieces of a stream for each kind of phone system, more than half a million in all.
fuzz: $(VENV)
	SCREENPOP_TEST_FUZZ=28000 $(BIN)/pytest --numprocesses=logical --timeout=0 \
		tests/telephony/test_registry.py tests/telephony/test_stream_fuzz.py -k "no_body or no_bytes" $(ARGS)

bench: $(VENV) $(UI)
	$(BIN)/python -m bench $(ARGS)
ifeq ($(ARGS),)
	$(BIN)/python -m bench --suggest
	$(BIN)/python -m bench --index
endif

$(VENV): requirements/dev.txt pyproject.toml hatch_build.py
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed: make PYTHON=python3.12 ...")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/dev.txt
	$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(SIGNALWIRE): requirements/signalwire.txt
	$(PYTHON) -m venv .venv-signalwire
	.venv-signalwire/bin/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

# What the tests run for real, in an environment of its own.
$(REAL_SYSTEMS): requirements/real-systems.txt
	$(PYTHON) -m venv .venv-real
	.venv-real/bin/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements/real-systems.txt
	@touch $@

$(UI_PACKAGES): screenpop_ui/package-lock.json
	@node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' || { echo "Node 20 or newer is needed" >&2; exit 1; }
	cd screenpop_ui && $(NPM_CI)
	@touch $@

$(UI): $(UI_PACKAGES) $(UI_SOURCES)
	cd screenpop_ui && npm run build
	@touch $@

$(BROWSER): tests/chromium/package-lock.json
	cd tests/chromium && $(NPM_CI)
	@touch $@

# One lock for every platform and Python version, with no trace of where packages came from here.
LOCK := --no-config --universal --python-version 3.11 --generate-hashes --upgrade --quiet \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

lock:
	$(PYTHON) -m venv .venv-lock
	PIP_CONFIG_FILE=/dev/null .venv-lock/bin/pip install -qq --disable-pip-version-check uv
	.venv-lock/bin/uv pip compile $(LOCK) pyproject.toml -o requirements/runtime.txt
	echo hatchling | .venv-lock/bin/uv pip compile $(LOCK) - -o requirements/build.txt
	.venv-lock/bin/uv pip compile $(LOCK) --extra dev -c requirements/runtime.txt pyproject.toml -o requirements/dev.txt
	.venv-lock/bin/uv pip compile $(LOCK) --no-deps requirements/signalwire.in -o requirements/signalwire.txt
	.venv-lock/bin/uv pip compile $(LOCK) requirements/real-systems.in -o requirements/real-systems.txt
	rm -rf .venv-lock

clean:
	rm -rf .venv .venv-real .venv-signalwire screenpop_ui/node_modules screenpop_ui/dist tests/chromium/node_modules build dist \
		.mypy_cache .ruff_cache .hypothesis .import_linter_cache test-artifacts
