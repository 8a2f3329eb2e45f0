"""A program that does what its arguments say, so that the engines' tests need no other image."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from pathlib import Path

ML = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
PORT = int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))


def inside(path: str) -> Path:
    """A path as a container sees it, where this process sees it."""
    return ML / Path(path).relative_to("/opt/ml") if path.startswith("/opt/ml/") else Path(path)


def print_lines(count: str) -> None:
    for number in range(int(count)):
        print(f"line {number}")


def print_long(size: str) -> None:
    sys.stdout.write("x" * int(size) + "\n")
    sys.stdout.flush()
    sys.stderr.write("unfinished")


def print_streams(count: str) -> None:
    for number in range(int(count)):
        os.write(1, f"out {number}\n".encode())
        os.write(2, f"err {number}\n".encode())


def print_special() -> None:
    sys.stdout.buffer.write(b"tab\there\n 10%\r 20%\n\xff\n\nlast\n")


def end(code: str) -> None:
    sys.exit(int(code))


def die(number: str) -> None:
    signal.signal(int(number), signal.SIG_DFL)
    os.kill(os.getpid(), int(number))


def save_on_term() -> None:
    def save(*_: object) -> None:
        (ML / "model" / "saved").write_text("saved")
        print("saved")
        sys.exit(0)

    signal.signal(signal.SIGTERM, save)
    print("ready")
    while True:
        signal.pause()


def ignore_term() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("ready")
    while True:
        signal.pause()


def wait_for(name: str) -> None:
    """Say so, and go on when the file appears."""
    print("before")
    while not (ML / "input" / name).exists():
        time.sleep(0.01)
    print("after")
    sys.exit(7)


def write() -> None:
    """Files as the usual program leaves them: some private, in directories of their own."""
    (ML / "model" / "deep").mkdir()
    (ML / "model" / "deep" / "file").write_text((ML / "input" / "given").read_text())
    private = ML / "output" / "private"
    private.write_text("secret")
    private.chmod(0o600)


def copy(source: str, target: str) -> None:
    """A private file beside what is given."""
    made = inside(target)
    made.write_text(inside(source).read_text())
    made.chmod(0o600)


def spoil() -> None:
    """Do to the files of the input whatever can be done to a file, and say which of it was refused."""
    folder = ML / "input" / "data"
    deeds = {
        "write": lambda: (folder / "write").write_text("x"),
        "append": lambda: (folder / "append").open("a").write("x"),
        "truncate": lambda: os.truncate(folder / "truncate", 1),
        "overwrite": lambda: (folder / "overwrite").open("r+").write("x"),
        "mode": lambda: (folder / "mode").chmod(0o777),
        "time": lambda: os.utime(folder / "time", (1, 1)),
        "remove": (folder / "remove").unlink,
        "rename": lambda: (folder / "rename").rename(folder / "renamed"),
        "replace": lambda: (folder / "new").write_text("x") and (folder / "new").replace(folder / "replace"),
        "link": lambda: os.link(folder / "link", folder / "linked") or (folder / "linked").write_text("x"),
        "move": lambda: folder.rename(ML / "input" / "moved"),
        "add": lambda: (ML / "input" / "added").write_text("x"),
    }
    for name, deed in deeds.items():
        try:
            deed()
            print(f"{name}: done")
        except OSError as error:
            print(f"{name}: {error.strerror}")


def environment() -> None:
    print(json.dumps(dict(os.environ)))


def allocate(mebibytes: str) -> None:
    block = bytearray(int(mebibytes) * 1024 * 1024)
    print(len(block))


def hold(mebibytes: str, cpu_seconds: str) -> None:
    """Have a child use that much, and say so while it still does."""
    if os.fork() == 0:
        block = b"x" * (int(mebibytes) * 1024 * 1024)
        while time.process_time() < float(cpu_seconds):
            pass
        print("holding", len(block))
    signal.pause()


def lose_child(mebibytes: str, code: str) -> None:
    """Have a child allocate that much, and end with the code when it was killed for that."""
    if (child := os.fork()) == 0:
        allocate(mebibytes)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    sys.exit(int(code) if os.WIFSIGNALED(status) else 0)


def serve(name: str = "") -> None:
    """Answer each connection with the name, or with this host's."""
    server = socket.create_server(("0.0.0.0", PORT))
    print("listening")
    while True:
        connection, _ = server.accept()
        with connection:
            connection.sendall((name or socket.gethostname()).encode())


def connect(host: str, port: str) -> None:
    """Exit with 0 when somebody listens there, else with 3."""
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        print(error)
        sys.exit(3)


def meet(port: str, *hosts: str) -> None:
    """Wait until each of the hosts is up, and print who it says that it is."""
    for host in hosts:
        while True:
            try:
                with socket.create_connection((host, int(port)), timeout=5) as peer:
                    print(host, peer.recv(100).decode())
                break
            except OSError:  # it does not listen, or is not even there yet
                time.sleep(0.05)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
