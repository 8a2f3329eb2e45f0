#!/bin/bash
# Have the first-party images built and up to date, also where no image registry can be reached.
#
# There the image everything starts from is made out of Debian's packages (mkbase.sh), which takes Debian 12, root,
# and mmdebstrap.
# needs: sagemaker-emulator on the PATH, a Docker Engine
set -euo pipefail

base=python:3.11-slim-bookworm
here=$(dirname "$0")

have_base() { docker image inspect "$base" >/dev/null 2>&1 || docker pull --quiet "$base" 2>/dev/null; }

can_make_base() { [ "$(id -u)" = 0 ] && command -v mmdebstrap >/dev/null && [ -d /etc/apt ]; }

if command -v docker >/dev/null && ! have_base && can_make_base; then
  echo "No registry can be reached: making $base from Debian's packages"
  # What this machine trusts, the image will: a proxy that inspects TLS is in the way of both.
  bundle=/etc/ssl/certs/ca-certificates.crt
  [ -e "$bundle" ] && export EXTRA_CA=${EXTRA_CA:-$bundle}
  bash "$here/mkbase.sh" "$base"
fi
sagemaker-emulator images build
