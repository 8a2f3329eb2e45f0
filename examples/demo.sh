#!/bin/bash
# Start an emulator of its own, run quickstart.py against it, and end it again. What `make demo` runs.
#
# usage: demo.sh [auto|docker|process]      (default: auto, which takes Docker when it can)
# needs: sagemaker-emulator[algorithms] on the PATH
set -euo pipefail

engine=${1:-auto}
here=$(dirname "$0")

if [ "$engine" != process ] && sagemaker-emulator images list >/dev/null 2>&1; then
  if ! bash "$here/../containers/build.sh"; then
    [ "$engine" = auto ] || exit 1
    echo "The images cannot be built here (see above): the demo runs on the process engine."
    engine=process
  fi
fi

# An ephemeral emulator on a free port: it neither meets one that runs already nor leaves anything behind.
ready=$(sagemaker-emulator up --detach --ephemeral --port 0 --engine "$engine")
url=$(sed 's/^Ready: \([^ ]*\) .*/\1/' <<<"$ready")
trap 'sagemaker-emulator down --port "${url##*:}"' EXIT
echo "$ready"

unset AWS_PROFILE AWS_SESSION_TOKEN
eval "$(sagemaker-emulator env --shell bash --url "$url")"
python "$here/quickstart.py"
