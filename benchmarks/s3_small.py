"""Small objects put and got by the load generator: boto3 itself would be the slowest part."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from benchmarks import load
from benchmarks.figure import Figure, Target
from benchmarks.plan import Plan
from benchmarks.s3_client import BUCKET, client, client_with_bucket, message
from benchmarks.server import MotoServer, Server, fresh_emulator

TIMES = Target("ratio", 1.5, at_least=True)
OPERATIONS = ("put", "get")
CLIENTS = 8
BODY = bytes(range(256)) * 4
_OWN_KEYS = 25
"""How many keys each client has: it replaces and reads them in turn."""
_FIRST = f"k/{0:08}"


def measure(plan: Plan, engine: str) -> Iterable[Figure]:
    """Put and get, from the emulator and from moto_server in turn."""
    with fresh_emulator(engine) as emulator, MotoServer() as moto:
        rivals = [_Rival(emulator), _Rival(moto)]
        for _ in plan.each_round("small objects"):
            for operation in OPERATIONS:
                for rival in rivals:
                    rival.run(operation, plan.seconds)
        for rival in rivals:
            rival.check()
    ours, theirs = rivals
    for operation in OPERATIONS:
        name = f"{operation}, 1 KB, {CLIENTS} at once"
        found, reference = ours.rate(operation), theirs.rate(operation)
        yield Figure(name, "1/s", found, "moto_server", reference, TIMES)


def fill(server: Server, keys: int) -> None:
    """Make the bucket with so many small objects, called `key` of 0 and so on."""
    client_with_bucket(server.port)
    load.send_all(("127.0.0.1", server.port), _shared_out(puts(server.port, range(keys))))


def key(number: int) -> str:
    """The key of an object. All have one length, so that one request is made of another."""
    return f"k/{number:08}"


def puts(port: int, numbers: Iterable[int]) -> list[bytes]:
    """A put of each of those objects. Their signature is of the first, and neither server looks at it."""
    first = message(port, "put_object", Key=_FIRST, Body=BODY)
    return [first.replace(_FIRST.encode(), key(number).encode(), 1) for number in numbers]


def gets(port: int, numbers: Iterable[int]) -> list[bytes]:
    """A get of each of those objects."""
    first = message(port, "get_object", Key=_FIRST)
    return [first.replace(_FIRST.encode(), key(number).encode(), 1) for number in numbers]


class _Rival:
    """One of the two servers, with answers per second of each operation."""

    def __init__(self, server: Server) -> None:
        self._address = ("127.0.0.1", server.port)
        self._s3 = client(server.port)
        self._rates: dict[str, list[float]] = {operation: [] for operation in OPERATIONS}
        count = CLIENTS * _OWN_KEYS
        fill(server, count)
        self._messages = {
            "put": _shared_out(puts(server.port, range(count))),
            "get": _shared_out(gets(server.port, range(count))),
        }

    def run(self, operation: str, seconds: float) -> None:
        self._rates[operation].append(load.run_each(self._address, self._messages[operation], seconds).throughput)

    def rate(self, operation: str) -> float:
        return median(self._rates[operation])

    def check(self) -> None:
        """Raises RuntimeError unless an object is what was put."""
        if self._s3.get_object(Bucket=BUCKET, Key=_FIRST)["Body"].read() != BODY:
            raise RuntimeError("other bytes came back than were put")


def _shared_out(messages: Sequence[bytes]) -> list[Sequence[bytes]]:
    """The messages of each client, of as many as have any."""
    shares = [messages[number::CLIENTS] for number in range(CLIENTS)]
    return [share for share in shares if share]
