"""``python -m benchmarks.uploading WAY PORT FILE``: upload a file again and again, until the process is ended.

It says ``ready`` when it begins. WAY is ``upload_file``, boto3's with its defaults, or ``put``, one request after the
other over one connection.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

from benchmarks.api import authorization
from benchmarks.s3_client import BUCKET, client
from benchmarks.server import PATIENCE, environment


@contextmanager
def uploading(way: str, port: int, source: Path) -> Iterator[None]:
    """Such a process, while this is entered. Raises RuntimeError when it did not last."""
    command = [sys.executable, "-m", "benchmarks.uploading", way, str(port), str(source)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
            if process.poll() is not None:
                raise RuntimeError(f"the upload by {way} ended with exit code {process.returncode}")
        finally:
            process.kill()


def _upload_file(port: int, source: Path) -> Callable[[], None]:
    s3 = client(port)
    return lambda: s3.upload_file(str(source), BUCKET, "big")


def _put(port: int, source: Path) -> Callable[[], None]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    headers = {"Authorization": authorization("s3"), "Content-Length": str(source.stat().st_size)}

    def put() -> None:
        with source.open("rb") as body:
            connection.request("PUT", f"/{BUCKET}/big", body, headers)
            answer = connection.getresponse()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status} {answer.read().decode(errors='replace')}")
            answer.read()

    return put


WAYS: Mapping[str, Callable[[int, Path], Callable[[], None]]] = {"upload_file": _upload_file, "put": _put}


def main(way: str, port: str, source: str) -> None:
    """Upload until the process is ended."""
    upload = WAYS[way](int(port), Path(source))
    print("ready", flush=True)
    while True:
        upload()


if __name__ == "__main__":
    main(*sys.argv[1:])
