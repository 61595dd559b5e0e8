#!/bin/sh
# Installs the user space of Intel's accelerators while the image is built: nothing for VARIANT=cpu; for VARIANT=intel
# Debian's packages for GPUs and, from DRIVER_URLS, whatever .deb files Debian has not: the NPU driver, newer GPU drivers.
set -eu

here=$(dirname "$0")
case "${VARIANT:-cpu}" in
    cpu)
        [ -z "${DRIVER_URLS:-}" ] || { echo "DRIVER_URLS goes with VARIANT=intel" >&2; exit 1; }
        exit 0
        ;;
    intel) ;;
    *)
        echo "VARIANT is cpu or intel, not '$VARIANT'" >&2
        exit 1
        ;;
esac

packages=$(mktemp -d)
chmod 755 "$packages" # apt reads them as a user of its own
trap 'rm -rf "$packages"' EXIT
if [ -n "${DRIVER_URLS:-}" ]; then
    # Unquoted: the addresses are separated by spaces.
    # shellcheck disable=SC2086
    python3 "$here/fetch.py" "$packages" $DRIVER_URLS
fi
set -- intel-opencl-icd libigdgmm12 libze1 libtbb12 ocl-icd-libopencl1
for package in "$packages"/*.deb; do
    [ ! -e "$package" ] || set -- "$@" "$package"
done
"$here/apt.sh" "$@"
