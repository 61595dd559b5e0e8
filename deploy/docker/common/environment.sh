#!/bin/sh
# Fills a Python environment while an image is built, with pip from outside of it, so that no pip gets into the image.
# pip takes its index from PIP_INDEX_URL and its like; the wheels in /build/wheels come first, and with OFFLINE=1 there
# is nothing else.
#
#   environment.sh FOLDER [argument of pip install ...]
set -eu

folder=$1
shift
[ -x "$folder/bin/python3" ] || python3 -m venv --without-pip "$folder"
[ "${OFFLINE:-0}" != 1 ] || set -- --no-index "$@"
exec python3 -m pip --python "$folder/bin/python3" --disable-pip-version-check --no-cache-dir --quiet \
    install --no-deps --no-warn-script-location --find-links /build/wheels "$@"
