#!/bin/bash
# Make a local stand-in for the official Python image out of signed Debian packages.
#
# For machines that reach a Debian mirror and a Python package index but no image registry. The result is
# tagged with the very name the Dockerfiles start FROM, and has the same layout (python, python3 and pip in
# /usr/local/bin, packages in /usr/local/lib/python3.11), so the Dockerfiles need no special case.
#
# usage: mkbase.sh [TAG]                                  (default: python:3.11-slim-bookworm)
#   EXTRA_CA      a PEM bundle to trust inside the image  (a machine behind a TLS-inspecting proxy)
#   APT_SOURCES   an apt sources file of Debian 12        (default: this machine's own, when it is Debian 12)
# needs: mmdebstrap, docker
set -euo pipefail

tag=${1:-python:3.11-slim-bookworm}
suite=bookworm
python=3.11
if [ -z "${APT_SOURCES:-}" ] && ! grep -qx "VERSION_CODENAME=$suite" /etc/os-release; then
  echo "mkbase.sh: $tag is made from the packages of Debian 12 ($suite), which are not this machine's." >&2
  echo "Run it on Debian 12, or set APT_SOURCES to an apt sources file of Debian 12." >&2
  exit 1
fi
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
  --customize-hook="chroot \"\$1\" python3 --version | grep -F 'Python $python.' >&2"
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

# Docker imports whatever came before a failure, even nothing; so the name is given only after a success.
image=$(TMPDIR=$scratch mmdebstrap --quiet --variant=minbase \
  --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
  --include=usr-is-merged,ca-certificates,python3,python3-venv \
  "${hooks[@]}" "$suite" - "$sources" |
  docker import "${changes[@]}" -)
docker tag "$image" "$tag"
echo "$tag is $image"
