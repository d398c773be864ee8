# pillarbox: `make run` starts a mail server, `make test` runs every test.

PYTHON ?= python3
RUN_ENV := .venv
DEV_ENV := .venv-dev
DATA ?= data

.PHONY: run test check bench bench-spam interop lock clean packages

run: $(RUN_ENV)/.ready
	@$(RUN_ENV)/bin/python -OO -m pillarbox --data $(DATA) serve --demo

test: packages $(DEV_ENV)/.ready
	$(DEV_ENV)/bin/python -m pytest -n $${TEST_JOBS:-auto} tests

check: $(DEV_ENV)/.ready
	$(DEV_ENV)/bin/ruff format --check src tests tools bench
	$(DEV_ENV)/bin/ruff check src tests tools bench
	$(DEV_ENV)/bin/mypy
	$(DEV_ENV)/bin/lint-imports
	$(DEV_ENV)/bin/python tools/check_size.py
	$(DEV_ENV)/bin/python tools/rfc_index.py --check

bench: $(RUN_ENV)/.ready
	$(RUN_ENV)/bin/python bench/run.py $(BENCH)

# CORPUS names a folder with folders of ham and of spam; else mail is generated.
bench-spam: $(RUN_ENV)/.ready
	$(RUN_ENV)/bin/python bench/spam.py $(if $(CORPUS),--corpus $(CORPUS))

interop: packages $(DEV_ENV)/.ready
	$(DEV_ENV)/bin/python -m pytest -n 1 tests/interop -v -rs

# Programs the tests drive pillarbox with. Where they can't be installed (no Debian, no root), the
# tests that need them are skipped by name.
packages:
	@sh tools/install_test_packages.sh

lock: $(DEV_ENV)/.ready
	$(DEV_ENV)/bin/pip install --quiet uv
	$(DEV_ENV)/bin/uv pip compile --quiet pyproject.toml --extra postgres --generate-hashes \
		--universal --no-header --no-emit-index-url --no-annotate --upgrade -o requirements.txt
	$(DEV_ENV)/bin/uv pip compile --quiet requirements-dev.in -c requirements.txt \
		--generate-hashes --universal --no-header --no-emit-index-url --no-annotate --upgrade \
		-o requirements-dev.txt

clean:
	rm -rf $(RUN_ENV) $(DEV_ENV) .venv-interop .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(RUN_ENV)/.ready: requirements.txt pyproject.toml
	@$(PYTHON) tools/check_python.py
	$(PYTHON) -m venv $(RUN_ENV)
	$(RUN_ENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	$(RUN_ENV)/bin/python tools/link_source.py
	@$(RUN_ENV)/bin/python -m compileall -q -j 0 -o 2 src $(RUN_ENV)/lib >/dev/null 2>&1 || true
	@touch $@

$(DEV_ENV)/.ready: requirements.txt requirements-dev.txt pyproject.toml
	@$(PYTHON) tools/check_python.py
	$(PYTHON) -m venv $(DEV_ENV)
	$(DEV_ENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes \
		-r requirements.txt -r requirements-dev.txt
	$(DEV_ENV)/bin/python tools/link_source.py
	@touch $@
