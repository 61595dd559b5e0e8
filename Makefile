# Modelyard: `make serve` and `make test` do everything; `make` alone prints the targets.
SHELL := /bin/sh
.DEFAULT_GOAL := help

# The first interpreter between 3.10 and 3.12 that really runs (a version manager's shim may only pretend to).
PYTHON ?= $(shell for p in python3 python3.12 python3.11 python3.10; do \
	$$p -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null && { echo $$p; break; }; done)
MODEL ?= demo/checkpoint
ARGS ?=

GATEWAY := .envs/gateway/bin
CONVERT := .envs/convert/bin
ANSIBLE := .envs/ansible/bin

##@ Run

serve: env ## Convert the demo checkpoint if need be, start Triton and the gateway on 127.0.0.1:11434
	@$(GATEWAY)/modelyard convert demo/checkpoint --name demo --update
	@exec $(GATEWAY)/modelyard serve $(ARGS)

convert: env ## Convert a checkpoint into model_repository/: make convert MODEL=folder-or-hub-id [ARGS="--precision int4"]
	@exec $(GATEWAY)/modelyard convert $(MODEL) $(ARGS)

bench: dev-env litellm-env ## Measure the gateway against a bare gRPC client, openvino_genai in-process and LiteLLM's proxy, paired in one run
	@$(GATEWAY)/modelyard convert demo/checkpoint --name demo --update
	@exec $(CONVERT)/python -m tests.bench $(ARGS)

bench-proxy: dev-env litellm-env ## Of that, only the processor time that the gateway and LiteLLM's proxy spend on a streamed token
	@$(GATEWAY)/modelyard convert demo/checkpoint --name demo --update
	@exec $(CONVERT)/python -m tests.bench.proxies $(ARGS)

bench-convert: dev-env ## Measure our conversion against plain optimum-cli, paired in one run: make bench-convert [ARGS="--size 0.6B"]
	@exec $(CONVERT)/python -m tests.bench.convert $(ARGS)

bench-plan: dev-env ## Measure the tokens per second that `modelyard plan` foretells against those that the engines reach
	@exec $(CONVERT)/python -m tests.bench.plan $(ARGS)

##@ Deploy

deploy: gateway-env ## Bring up a secured service in containers on this host: images, models, a first answer [DEPLOY_DRY_RUN=1, ARGS="--with monitoring"]
	@exec $(GATEWAY)/modelyard up $(ARGS)

doctor: gateway-env ## What this host lacks for that, and how to mend it
	@exec $(GATEWAY)/modelyard doctor $(ARGS)

images: gateway-env ## Build the images of deploy/docker/: make images [ARGS="gateway triton-openvino"]
	@exec $(GATEWAY)/python -m modelyard.deployment.images $(ARGS)

##@ Develop

# Tests wait for processes more than they compute: twice as many at once as there are processors, where there is memory
# for them, 5 GB each. A file stays in one process, with what it has started.
JOBS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN); room=$$(($$(getconf _PHYS_PAGES) / 1250000)); \
	echo $$((room < 1 ? 1 : room < 2 * cores ? room : 2 * cores)))

test: dev-env clients-env ansible-env ## Run the whole suite, the part with a real Triton included, several files at once [JOBS=1: one]
	$(CONVERT)/python -m pytest $(if $(filter-out 1,$(JOBS)),--numprocesses $(JOBS) --dist loadfile --no-loadscope-reorder) $(ARGS)

DEPLOY_TESTS ?= tests/deploy
FLEET_TESTS ?= tests/fleet

test-deploy: dev-env gateway-env ansible-env ## Images, compose, upgrade and the air-gapped bundle, on a real Docker engine [DEPLOY_TESTS=tests/deploy/system]
	$(CONVERT)/python -m tests.deploy.engine $(CONVERT)/python -m pytest $(DEPLOY_TESTS) $(ARGS)

test-fleet: dev-env gateway-env ansible-env ## The playbooks on SSH hosts made for it, each with systemd and a Docker engine of its own [FLEET_TESTS=tests/fleet/test_native.py]
	$(CONVERT)/python -m tests.deploy.engine $(CONVERT)/python -m pytest $(FLEET_TESTS) $(ARGS)

# Helm's templates are no YAML before they are rendered; tests hold what they render against schemas.
DEPLOY_YAML := deploy/compose deploy/docker deploy/monitoring deploy/kserve deploy/helm/modelyard/Chart.yaml deploy/helm/modelyard/values.yaml tests/deploy/compose
DOCKERFILES := deploy/docker/*/Dockerfile tests/deploy/compose/running/tools/Dockerfile tests/deploy/images/cuda_base/Dockerfile

lint: dev-env ansible-env ## ruff, mypy --strict, and the linters of playbooks, YAML, Dockerfiles and shell scripts
	$(CONVERT)/ruff check .
	$(CONVERT)/ruff format --check .
	$(CONVERT)/mypy
	cd ansible && PATH="$(CURDIR)/$(ANSIBLE):$$PATH" ansible-lint --offline --strict -q
	$(ANSIBLE)/yamllint --strict --config-file ansible/.yamllint ansible tests/ansible
	$(ANSIBLE)/yamllint --strict --config-file deploy/.yamllint $(DEPLOY_YAML)
	$(ANSIBLE)/hadolint --config deploy/docker/.hadolint.yaml $(DOCKERFILES)
	$(ANSIBLE)/shellcheck $$(git ls-files '*.sh') .ci/run ansible/roles/backup/files/modelyard-backup

format: dev-env ## Let ruff mend what it can
	$(CONVERT)/ruff check --fix .
	$(CONVERT)/ruff format .

wheel: dev-env ## Build the wheel into dist/
	$(CONVERT)/python -m build --wheel

docs: dev-env ## Print docs/settings.md from the settings, and docs/compatibility.md from the tests that prove it
	$(CONVERT)/python scripts/settings_page.py > docs/settings.md
	$(CONVERT)/python scripts/compatibility_page.py > .compatibility.stamp && mv .compatibility.stamp docs/compatibility.md

##@ Environments (made by the targets above when they need them)

env: gateway-env engine-env convert-env ## All three environments under .envs/

gateway-env: python ## The gateway and the command line (no PyTorch)
	@$(PYTHON) scripts/make_env.py gateway

engine-env: python ## Triton and OpenVINO GenAI
	@$(PYTHON) scripts/make_env.py engine

convert-env: python ## PyTorch (CPU) and optimum-intel
	@$(PYTHON) scripts/make_env.py convert

dev-env: env ## pytest, ruff, mypy and more, into the convert environment
	@$(PYTHON) scripts/make_env.py convert --dev

litellm-env: python ## LiteLLM's proxy, which `make bench` measures the gateway against
	@$(PYTHON) scripts/make_env.py litellm

ansible-env: python ## Ansible with its collections, and the linters of what is not Python
	@$(PYTHON) scripts/make_env.py ansible

clients-env: python ## The clients of others (openai, ollama, langchain ...) that tests talk to the gateway with
	@$(PYTHON) scripts/make_env.py clients

python:
	@test -n "$(PYTHON)" || { echo "error: Python 3.10, 3.11 or 3.12 is needed and none was found; name one: make PYTHON=/path/to/python3.11" >&2; exit 4; }

clean: ## Remove the environments, caches and the converted demo; your own models stay
	rm -rf .envs build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .schemathesis ./*.egg-info .model_repository-staging model_repository/demo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## This page
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*##/ {printf "  make %-14s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: serve convert bench bench-proxy bench-convert bench-plan deploy doctor images test test-deploy test-fleet lint format wheel docs env gateway-env engine-env convert-env dev-env ansible-env clients-env litellm-env python clean help
