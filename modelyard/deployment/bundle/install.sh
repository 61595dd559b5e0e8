#!/bin/sh
# Installs Modelyard from this unpacked bundle, with no network: checks it, makes a Python environment from its wheels,
# and hands over to `modelyard bundle install`. Needs sha256sum and OpenSSL 3; --with-packages brings the rest.
set -eu

usage() {
  cat <<'TEXT'
usage: sh install.sh --key PUBLIC_KEY [options] [-- options of `modelyard bundle install`]

  --key FILE         public key of who made the bundle, in PEM; got by another way than the bundle
  --allow-unsigned   go without a signature: damage is found, malice is not
  --with-packages    first install Docker and Python from the bundle's packages (as root, with apt)
  --prefix FOLDER    where the program is put; /opt/modelyard for root, ~/.local/share/modelyard/program otherwise
  --check-only       check the bundle and stop
  --no-start         install the program and stop: load no image and start no service
TEXT
}

fail() {
  printf 'error: %s\n' "$1" >&2
  exit "${2:-2}"
}

say() {
  printf '  %s\n' "$1"
}

key='' unsigned='' packages='' check_only='' start=yes
if [ "$(id -u)" -eq 0 ]; then prefix=/opt/modelyard; else prefix=${XDG_DATA_HOME:-$HOME/.local/share}/modelyard/program; fi
while [ $# -gt 0 ]; do
  case "$1" in
    --key) [ $# -ge 2 ] || fail '--key needs a file' && key=$2 && shift ;;
    --prefix) [ $# -ge 2 ] || fail '--prefix needs a folder' && prefix=$2 && shift ;;
    --allow-unsigned) unsigned=yes ;;
    --with-packages) packages=yes ;;
    --check-only) check_only=yes ;;
    --no-start) start='' ;;
    -h | --help) usage && exit 0 ;;
    --) shift && break ;;
    *) usage >&2 && fail "$1 is no option" ;;
  esac
  shift
done
[ -z "$key" ] || [ -r "$key" ] || fail "the key $key cannot be read" 3
[ -z "$key" ] || key=$(cd "$(dirname "$key")" && pwd)/$(basename "$key")
case "$prefix" in /*) ;; *) prefix=$PWD/$prefix ;; esac
cd "$(dirname "$0")"
bundle=$PWD

check() {
  [ -f SHA256SUMS ] || fail 'SHA256SUMS is missing: this is no unpacked bundle'
  if [ -n "$key" ]; then
    [ -f SHA256SUMS.sig ] || fail 'the bundle is not signed; --allow-unsigned without --key goes without a signature'
    openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in SHA256SUMS -sigfile SHA256SUMS.sig >/dev/null 2>&1 ||
      fail "the signature is not by the key $key, or SHA256SUMS was altered"
    say "the signature is by $key"
  elif [ -z "$unsigned" ]; then
    fail 'give the public key of who made the bundle: --key FILE (--allow-unsigned goes without)'
  fi
  odd=$(find . ! -type f ! -type d | head -n 1)
  [ -z "$odd" ] || fail "$odd is not a plain file"
  # Both lists as sha256sum writes paths, so that a file that is in neither way of looking cannot hide.
  extra=$(find . -type f ! -path ./SHA256SUMS ! -path ./SHA256SUMS.sig | sed 's|^\./||' | LC_ALL=C sort |
    { cut -c67- SHA256SUMS | LC_ALL=C sort | LC_ALL=C comm -13 - /dev/fd/3; } 3<&0 | head -n 1)
  [ -z "$extra" ] || fail "$extra is in the bundle and not in its list"
  sha256sum --check --quiet --strict SHA256SUMS >&2 || fail 'the bundle is damaged; copy it again'
  say "$(wc -l <SHA256SUMS) files are what they were when the bundle was made"
}

install_packages() {
  [ "$(id -u)" -eq 0 ] || fail '--with-packages must be run by root' 4
  [ -f packages/Packages ] || fail 'there are no packages in this bundle; make it with --release' 4
  scratch=$(mktemp -d)
  trap 'rm -rf "$scratch"' EXIT
  mkdir -p "$scratch/lists/partial" "$scratch/cache/archives/partial"
  # A link without blanks in its path, since a line of sources has no quotes.
  ln -s "$bundle/packages" "$scratch/packages"
  printf 'deb [trusted=yes] file:%s/packages ./\n' "$scratch" >"$scratch/sources"
  set -- -q -y -o "Dir::Etc::SourceList=$scratch/sources" -o Dir::Etc::SourceParts=/dev/null \
    -o "Dir::State::lists=$scratch/lists" -o "Dir::Cache=$scratch/cache" -o APT::Sandbox::User=root
  apt-get "$@" update
  compose=docker-compose
  grep -q '^Package: docker-compose-v2$' packages/Packages && compose=docker-compose-v2
  client=''
  grep -q '^Package: docker-cli$' packages/Packages && client=docker-cli
  # shellcheck disable=SC2086  # no client of its own is no word
  DEBIAN_FRONTEND=noninteractive apt-get "$@" --no-install-recommends install \
    apparmor ca-certificates docker.io iptables openssl python3 python3-venv "$compose" $client
  rm -rf "$scratch"
  trap - EXIT
  say 'Docker and Python are installed'
}

install_program() {
  python=$(sed -n 's/^ "python": "\(.*\)",*$/\1/p' manifest.json)
  [ -n "$python" ] || fail 'there are no wheels in this bundle; make it without --no-wheels' 4
  interpreter=$(command -v "python$python") || fail "Python $python is needed, with its venv module; --with-packages brings it" 4
  version=$(sed -n 's/^ "version": "\(.*\)",*$/\1/p' manifest.json)
  home=$prefix/$version
  rm -rf "$home.new"
  mkdir -p "$home.new"
  "$interpreter" -m venv "$home.new/venv" || fail "python$python -m venv failed; --with-packages brings what it needs" 4
  "$home.new/venv/bin/python" -m pip --disable-pip-version-check --quiet install \
    --no-index --no-deps --find-links wheels -r wheels/gateway.txt -r wheels/deploy.txt modelyard
  # Beside the packages, where the program looks for its deployment files.
  cp -R deploy "$home.new/venv/lib/python$python/site-packages/deploy"
  rm -rf "$home"
  mv "$home.new" "$home"
  mkdir -p "$prefix/bin"
  # The environment's own scripts name the folder it was made in; this starts the module instead.
  printf '#!/bin/sh\nexec "%s/venv/bin/python" -m modelyard "$@"\n' "$home" >"$prefix/bin/modelyard.new"
  chmod 755 "$prefix/bin/modelyard.new"
  mv "$prefix/bin/modelyard.new" "$prefix/bin/modelyard"
  say "modelyard $version is installed: $prefix/bin/modelyard"
}

check
[ -z "$check_only" ] || exit 0
[ -z "$packages" ] || install_packages
install_program
[ -n "$start" ] || exit 0
if [ -n "$key" ]; then set -- --key "$key" "$@"; else set -- --allow-unsigned "$@"; fi
"$prefix/bin/modelyard" bundle install "$bundle" "$@"
