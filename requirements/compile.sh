#!/bin/sh
# Renews the lock files (*.txt) from the wishes (*.in), for every supported Python at once. Needs uv.
set -eu
cd "$(dirname "$0")"
compile() { uv pip compile --quiet --no-header --universal --python-version 3.10 "$@"; }
compile convert.in --override overrides-convert.txt --output-file convert.txt
compile gateway.in --constraints convert.txt --output-file gateway.txt
compile dev.in --constraints convert.txt --override overrides-convert.txt --output-file dev.txt
compile engine.in --override overrides-engine.txt --output-file engine.txt
compile clients.in --output-file clients.txt
compile deploy.in --constraints gateway.txt --constraints convert.txt --output-file deploy.txt
uv pip compile --quiet --no-header --universal --python-version 3.11 ansible.in --output-file ansible.txt
