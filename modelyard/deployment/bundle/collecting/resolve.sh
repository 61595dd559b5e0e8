#!/bin/sh
# Runs in a container of the release that the hosts have: packages and all that they depend on, as a flat repository
# in /out. Lines of /packages.txt are resolved one by one, as if nothing were installed, so that it does not matter
# what the container or the hosts have already.
set -eu
apt-get update -q

fetch() {
  apt-get -q -y \
    -o Dir::State::status=/dev/null -o Dir::Cache::archives=/out -o APT::Sandbox::User=root \
    --no-install-recommends --download-only install "$@"
}

while read -r line; do
  case "$line" in
    '' | '#'*) continue ;;
    '? '*)
      package=${line#'? '}
      [ -n "$(apt-cache show "$package" 2>/dev/null)" ] || continue
      fetch "$package"
      ;;
    *)
      # shellcheck disable=SC2086  # the words of a line are packages
      fetch $line
      ;;
  esac
done </packages.txt

cd /out
rm -rf partial lock
for file in *.deb; do
  # A colon of an epoch, which apt writes as %3a, would be taken for an escape in the address of the file.
  plain=$(printf '%s' "$file" | sed 's/%3a/-/g')
  [ "$plain" = "$file" ] || mv "$file" "$plain"
  {
    dpkg-deb --field "$plain"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$plain" "$(stat -c %s "$plain")" "$(sha256sum "$plain" | cut -d' ' -f1)"
  } >>Packages
done
python=$(sed -n '/^Package: python3-minimal$/,/^$/s/^Version: \([0-9]*\.[0-9]*\).*/\1/p' Packages)
printf '%s\n' "$python" >python
chown -R "$OWNER" /out
