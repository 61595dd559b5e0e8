#!/usr/bin/env bash
# What the official image's script of this name comes to.
set -eu
exec uvicorn open_webui.main:app --host "${HOST:-0.0.0.0}" --port "${PORT:-8080}"
