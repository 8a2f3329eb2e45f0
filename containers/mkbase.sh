#!/bin/bash
# Make a local stand-in for the official Python image out of signed Debian packages.
#
# For machines that reach a Debian mirror and a Python package index but no image registry. The result is
# tagged with the very name the Dockerfiles start FROM, and has the same layout (python, python3 and pip in
# /usr/local/bin, packages in /usr/local/lib/python3.11), so the Dockerfiles need no special case.
#
# usage: mkbase.sh [TAG]                                  (default: python:3.11-slim-bookworm)
#   EXTRA_CA      a PEM bundle to trust inside the image  (a machine behind a TLS-inspecting proxy)
#   APT_SOURCES   where the packages come from            (default: this machine's own Debian sources)
# needs: mmdebstrap, docker
set -euo pipefail

tag=${1:-python:3.11-slim-bookworm}
sources=${APT_SOURCES:-/etc/apt/sources.list.d/debian.sources}
[ -e "$sources" ] || sources=/etc/apt/sources.list
ca_bundle=/etc/ssl/certs/ca-certificates.crt

# Unpacking in memory is several times faster, but inside a container /dev/shm may forbid running programs.
scratch=$(mktemp -d /dev/shm/mkbase.XXXXXX 2>/dev/null || mktemp -d)
trap 'rm -rf "$scratch"' EXIT
printf '#!/bin/sh\n' > "$scratch/probe"
chmod +x "$scratch/probe"
if ! "$scratch/probe" 2>/dev/null; then
  rm -rf "$scratch"
  scratch=$(mktemp -d)
fi

# A venv AT /usr/local gives the official image's paths and lifts Debian's "externally managed" block.
# Documentation goes in a hook: excluding it while unpacking makes the unpacking several times slower.
unneeded='"$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/locale/* "$1"/var/cache/apt/* "$1"/var/lib/apt/lists/*'
hooks=(
  --customize-hook='chroot "$1" python3 -m venv /usr/local'
  --customize-hook="rm -rf $unneeded"
)
changes=(
  --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8'
  --change 'CMD ["python3"]'
)
if [ -n "${EXTRA_CA:-}" ]; then
  cp "$EXTRA_CA" "$scratch/ca-certificates.crt"
  hooks+=(--customize-hook="copy-in $scratch/ca-certificates.crt /etc/ssl/certs")
  changes+=(--change "ENV PIP_CERT=$ca_bundle SSL_CERT_FILE=$ca_bundle REQUESTS_CA_BUNDLE=$ca_bundle")
fi

TMPDIR=$scratch mmdebstrap --quiet --variant=minbase \
  --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
  --include=usr-is-merged,ca-certificates,python3,python3-venv \
  "${hooks[@]}" bookworm - "$sources" |
  docker import "${changes[@]}" - "$tag"
