#!/bin/bash
# Exit code 0 when HAProxy answers 200 on its monitoring port, whether or not a gateway is ready behind it. Needs bash
# alone: the image has no HTTP client.
#
#   healthcheck.sh [PORT [PATH]]
set -u

port=${1:-8404}
path=${2:-/health}

if ! exec 3<> "/dev/tcp/127.0.0.1/$port"; then
    echo "no answer on port $port"
    exit 1
fi
printf 'GET %s HTTP/1.0\r\n\r\n' "$path" >&3
read -r -t 4 _ status _ <&3 || status=nothing
echo "$path answers $status"
[ "$status" = 200 ]
