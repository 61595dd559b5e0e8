#!/bin/sh
# Installs Debian packages, or .deb files, while an image is built: from APT_MIRROR when one is given, and trusting the
# authorities in /usr/local/share/ca-certificates. Leaves no lists and no downloads behind.
#
#   apt.sh [package | ./file.deb ...]    with none it only makes the system trust these authorities
set -eu

authorities=/usr/local/share/ca-certificates
bundle=/etc/ssl/certs/ca-certificates.crt

trust() {
    if command -v update-ca-certificates > /dev/null; then
        update-ca-certificates > /dev/null 2>&1
    fi
}

trust
[ $# -gt 0 ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # apt fetches as a user of its own
: > "$work/options"

if [ -n "${APT_MIRROR:-}" ]; then
    # shellcheck source=/dev/null
    . /etc/os-release
    signed="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
    {
        echo "deb $signed $APT_MIRROR $VERSION_CODENAME main"
        echo "deb $signed $APT_MIRROR $VERSION_CODENAME-updates main"
        [ -z "${APT_SECURITY_MIRROR:-}" ] || echo "deb $signed $APT_SECURITY_MIRROR $VERSION_CODENAME-security main"
    } > "$work/sources.list"
    printf 'Dir::Etc::sourcelist "%s";\nDir::Etc::sourceparts "-";\n' "$work/sources.list" >> "$work/options"
fi
# An image without the package ca-certificates can reach a mirror behind an authority of one's own nevertheless.
if [ ! -e "$bundle" ] && ls "$authorities"/*.crt > /dev/null 2>&1; then
    cat "$authorities"/*.crt > "$work/authorities.pem"
    printf 'Acquire::https::CAInfo "%s";\n' "$work/authorities.pem" >> "$work/options"
fi

export APT_CONFIG="$work/options" DEBIAN_FRONTEND=noninteractive
apt-get --quiet --quiet update
apt-get --quiet --quiet install --yes --no-install-recommends -o Dpkg::Use-Pty=0 "$@" > "$work/log" || {
    cat "$work/log" >&2
    exit 1
}
trust
apt-get clean
rm -rf /var/lib/apt/lists/* /var/cache/debconf/*-old /var/log/apt /var/log/dpkg.log /var/log/alternatives.log
