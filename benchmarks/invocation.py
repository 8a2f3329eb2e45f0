"""InvokeEndpoint, beside the same container called directly: latency and throughput at one and at sixteen clients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from statistics import median

from benchmarks import load, workload
from benchmarks.api import Api, authorization
from benchmarks.figure import Figure, Target
from benchmarks.load import Load
from benchmarks.plan import Plan
from benchmarks.server import Emulator, fresh_emulator
from emulator.engines.choose import choose

ADDED_P50 = Target("difference", 0.6)
THROUGHPUT = Target("ratio", 0.6, at_least=True)
CLIENTS = (1, 16)
_NAME = "asked"
WARM_UP_SECONDS = 0.3

Pairs = list[tuple[Load, Load]]


def measure(plan: Plan) -> Iterable[Figure]:
    """Ask the emulator and its container in turn."""
    for engine in plan.engines:
        with hosted(engine) as emulator:
            pairs = _measured(plan, emulator)
        for clients in CLIENTS:
            yield from _figures(engine, clients, pairs[clients])


@contextmanager
def hosted(engine: str) -> Iterator[Emulator]:
    """A fresh emulator with the endpoint that `through_the_emulator` asks."""
    with fresh_emulator(engine) as emulator:
        api = Api(emulator.port)
        workload.upload(api)
        workload.train(api, _NAME)
        workload.create_model(api, _NAME)
        workload.create_endpoint(api, _NAME, _NAME)
        yield emulator
        workload.delete_endpoint(api, _NAME)


def through_the_emulator() -> bytes:
    """An InvokeEndpoint as bytes, with the headers that boto3 sends."""
    headers = {
        "Content-Type": "text/csv",
        "User-Agent": "Boto3/1.40.0 md/Botocore#1.40.0 ua/2.1 os/linux md/arch#x86_64 lang/python#3.11.7",
        "X-Amz-Date": "20250101T000000Z",
        "Authorization": authorization("sagemaker"),
        "amz-sdk-invocation-id": "00000000-0000-4000-8000-000000000000",
        "amz-sdk-request": "attempt=1",
    }
    return load.request("127.0.0.1", f"/endpoints/{_NAME}/invocations", headers, workload.invocation())


def _measured(plan: Plan, emulator: Emulator) -> dict[int, Pairs]:
    ours, container = ("127.0.0.1", emulator.port), _container(emulator)
    wrapped, plain = through_the_emulator(), _to_the_container()
    for address, message in ((ours, wrapped), (container, plain)):
        load.run(address, message, max(CLIENTS), min(plan.seconds, WARM_UP_SECONDS))
    pairs: dict[int, Pairs] = {clients: [] for clients in CLIENTS}
    for _ in plan.each_round(f"invocations, {emulator.engine}"):
        for clients in CLIENTS:
            through = load.run(ours, wrapped, clients, plan.seconds)
            pairs[clients].append((through, load.run(container, plain, clients, plan.seconds)))
    return pairs


def _figures(engine: str, clients: int, pairs: Pairs) -> Iterator[Figure]:
    def figure(name: str, unit: str, member: str, target: Target | None) -> Figure:
        through, direct = (median(getattr(one, member) for one in column) for column in zip(*pairs, strict=True))
        return Figure(f"{name}, {clients} at once, {engine}", unit, through, "called directly", direct, target)

    yield figure("invocation p50", "ms", "p50", ADDED_P50 if clients == 1 else None)
    yield figure("invocation p99", "ms", "p99", None)
    yield figure("invocations", "1/s", "throughput", THROUGHPUT if clients > 1 else None)


def _container(emulator: Emulator) -> tuple[str, int]:
    """Where the endpoint's container listens."""
    identity = (emulator.data_dir / "emulator-id").read_text(encoding="utf-8")
    engine = choose("docker" if emulator.engine == "docker" else "process", identity, emulator.data_dir / "processes")
    try:
        found = next(owned for owned in engine.owned() if owned.labels["noun"] == "endpoint")
        return engine.address(found.handle)
    finally:
        engine.close()


def _to_the_container() -> bytes:
    return load.request("127.0.0.1", "/invocations", {"Content-Type": "text/csv"}, workload.invocation())
