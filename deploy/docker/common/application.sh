#!/bin/sh
# Builds Modelyard's wheel and installs it for an environment that is copied into the image apart from it: a change of
# our sources then makes a small layer anew, not the one with the dependencies.
#
#   application.sh ENVIRONMENT FOLDER    FOLDER has bin/ and lib/ afterwards, to be laid over ENVIRONMENT
set -eu

environment=$1
folder=$2
common=$(dirname "$0")

"$common/environment.sh" /build/tools --requirement "$common/build.txt"
# --no-build-isolation: the tools above are the pinned ones, and pip would otherwise fetch others.
python3 -m pip --python /build/tools/bin/python3 --disable-pip-version-check --no-cache-dir --quiet \
    wheel --no-deps --no-index --no-build-isolation --wheel-dir /build/dist /build/source
"$common/environment.sh" "$environment" --no-index --prefix "$folder" /build/dist/modelyard-*.whl
# For the bill of materials, which names the version that was built.
basename /build/dist/modelyard-*.whl | cut -d- -f2 > "$folder/version"
