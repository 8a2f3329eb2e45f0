"""The composition root: settings in, a running emulator out. The only place that chooses implementations."""

from __future__ import annotations

import logging
import os
import platform as machine
import time
from collections.abc import Iterable
from contextlib import ExitStack, closing
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from emulator import snapshot as snapshots
from emulator.aws import Service
from emulator.clock import ShiftedClock, SystemClock
from emulator.cloud.cloud import Cloud
from emulator.controls import Controls
from emulator.datadir import DataDir, Running
from emulator.engines.choose import choose
from emulator.engines.port import EngineError, Owned
from emulator.engines.reaper import reap
from emulator.front.administration import Refused, administration
from emulator.front.bridge import THREADS, Bridge
from emulator.front.control import control
from emulator.front.gateway import Gateway, create_app
from emulator.front.messages import WsgiApp
from emulator.front.routing import routed
from emulator.front.server import Front
from emulator.machines.supervisor import Supervisor
from emulator.objects.remote import RemoteObjects
from emulator.objects.server import S3Server, S3ServerError
from emulator.runtime.invoke_endpoint import InvokeEndpoint
from emulator.sagemaker import nouns
from emulator.sagemaker.platform import Platform
from emulator.sagemaker.quotas import Quotas
from emulator.sagemaker.throttling import throttled_by
from emulator.service_quotas import ServiceQuotas
from emulator.serving.connection import Connections
from emulator.serving.invoke import Invoker
from emulator.serving.router import Router
from emulator.serving.traffic import Traffic
from emulator.settings import Settings
from emulator.state.sql import SqlStore
from emulator.state.sqlite import StateUnreadable
from emulator.version import __version__

log = logging.getLogger(__name__)


_RESET_ROUNDS = 60


class Emulator:
    """One emulator in this process. A context manager; `start` and `stop` may also be called by hand, in turn.

    What needs a running emulator raises RuntimeError before `start` and after `stop`.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._data: DataDir | None = None
        self._opened = ExitStack()  # what `stop` gives back, the last first

    def start(self) -> Self:
        """Serve. Returns when requests are answered.

        Raises `DataDirError`, `EngineError`, `PortInUse`, `S3ServerError` or `UnknownQuota`; RuntimeError when an
        emulator, this one or another, runs in this process already. Nothing is left open then.
        """
        if self._data is not None:
            raise RuntimeError("The emulator is running already.")
        self._began = time.monotonic()
        with ExitStack() as opened:
            data = self._data = DataDir(self.settings)
            opened.callback(self._close_data)
            self._build(data, opened)
            self._serve(data, opened)
            self._opened = opened.pop_all()
        return self

    def stop(self) -> None:
        """Stop serving and give everything back.

        Inference containers end and are started again by the next start on this data directory; training
        containers go on, and the next start finds them. An ephemeral emulator leaves nothing running.
        """
        self._opened.close()

    @property
    def url(self) -> str:
        """Where to send requests, for example ``http://127.0.0.1:4577``."""
        self._running()
        return self._front.url

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of ``service`` that speaks to this emulator, with dummy credentials."""
        import boto3

        defaults = {
            "endpoint_url": self.url,
            "region_name": self.settings.region,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        return boto3.client(service, **{**defaults, **options})  # type: ignore[call-overload]

    def health(self) -> dict[str, Any]:
        """What ``GET /_emulator/health`` answers."""
        self._running()
        engine = self._engine.health()
        return {
            "status": "ready",
            "version": __version__,
            "pid": os.getpid(),
            "uptime_seconds": round(time.monotonic() - self._began, 3),
            "engine": {
                "name": self._engine.name,
                "ok": engine.ok,
                "version": engine.version,
                "detail": engine.detail,
            },
            "s3": self._s3.url if self._s3 is not None else None,
            "account": self.settings.account,
            "region": self.settings.region,
            "data_dir": None if self.settings.ephemeral else str(self.settings.data_dir),
            "alive": self._counts(),
            "versions": {"python": machine.python_version(), **_versions("boto3", "botocore", "moto")},
        }

    def reset(self) -> None:
        """Clear all state: every resource, container, object, role and log."""
        data = self._running()
        self._store.clear()
        self._supervisor.forget()
        self._controls.clear()
        self._clock.reset()
        self._router.clear()
        # What was under way finds its resource gone and ends; what it still started is removed in the next round.
        for _ in range(_RESET_ROUNDS):
            self._remove_containers()
            if self._supervisor.settle(patience=1.0, lasting=True):
                break
        self._remove_containers()
        self._traffic.clear()
        data.sweep(set())
        self._cloud.reset()

    def snapshot(self, file: Path) -> None:
        """Write the whole state, as it is at this moment, to a file that `sagemaker-emulator snapshot load` reads.

        Raises `emulator.snapshot.SnapshotError`.
        """
        data = self._running()
        with closing(snapshots.of_running(data.path, self._cloud, self._store)) as archive:
            snapshots.write(archive, file)

    def _pictured(self) -> Iterable[bytes]:
        try:
            return snapshots.of_running(self._running().path, self._cloud, self._store)
        except (snapshots.SnapshotError, StateUnreadable) as error:
            raise Refused(str(error)) from error

    def _running(self) -> DataDir:
        if self._data is None:
            raise RuntimeError("The emulator is not running; call start() or use it in a with statement.")
        return self._data

    def _close_data(self) -> None:
        self._running().close()
        self._data = None

    def _build(self, data: DataDir, opened: ExitStack) -> None:
        settings, clock = self.settings, ShiftedClock(SystemClock())
        self._clock = clock
        self._cloud = Cloud(settings.account, settings.region, data.path, synced=settings.synced)
        opened.callback(self._cloud.close)
        self._store = SqlStore.file(data.database, synced=settings.synced, findable=nouns.Findable())
        opened.callback(self._store.close)
        self._engine = choose(settings.engine, data.emulator_id, data.path / "processes")
        opened.callback(self._engine.close)
        self._supervisor = Supervisor(self._store, clock, settings.instances_at_once)
        clock.subscribe(self._supervisor.wake)
        self._controls = Controls()
        self._quotas = Quotas(self._store, clock, settings.quota_values)
        self._router = Router()
        self._traffic = Traffic(self._cloud.metrics, clock)
        self._s3 = self._other_s3()
        self._platform = Platform(
            settings=settings,
            clock=clock,
            controls=self._controls,
            store=self._store,
            quotas=self._quotas,
            supervisor=self._supervisor,
            engine=self._engine,
            objects=self._cloud.objects if self._s3 is None else RemoteObjects(self._s3),
            roles=self._cloud.roles,
            logs=self._cloud.logs,
            metrics=self._cloud.metrics,
            router=self._router,
            work=data.work,
            endpoint_url=lambda: f"http://{self._engine.endpoint_host()}:{self._front.port}",
            container_credentials=self._cloud.credentials,
        )
        self._kinds = nouns.kinds(self._platform)
        for kind in self._kinds:
            self._supervisor.register(kind)

    def _other_s3(self) -> S3Server | None:
        settings = self.settings
        if not settings.s3_endpoint_url:
            return None
        return S3Server.of(settings.s3_endpoint_url, settings.s3_profile, settings.region)

    def _refuse_loop(self, gateway_host: str | None) -> None:
        """Now that the port is known. Raises `S3ServerError`."""
        hosts = [self.settings.host, *filter(None, [gateway_host])]
        if self._s3 is not None and self._s3.is_at(self._front.port, hosts):
            raise S3ServerError(f"{self._s3.url} is this emulator. --s3-endpoint-url names another server, or nothing.")

    def _serve(self, data: DataDir, opened: ExitStack) -> None:
        gateway_host = self._engine.prepare()
        extra = [(gateway_host, 0)] if gateway_host is not None else []
        connections = Connections()
        addresses = [(self.settings.host, self.settings.port), *extra]
        self._front = Front(self._asgi(connections, opened), addresses, connections.close)
        # What a crash left is looked through before the first request can add to it.
        unfinished = self._supervisor.unfinished()
        claimed = self._supervisor.claims(unfinished)
        self._quietly(lambda: reap(self._engine, lambda owned: claimed(owned.labels)))
        data.sweep({resource.uid for resource in unfinished})
        self._supervisor.hold(unfinished)
        nouns.before_serving(self._platform)
        self._front.start()
        for end in (self._end_containers, self._traffic.flush, self._supervisor.close, self._front.stop):
            opened.callback(end)
        self._refuse_loop(gateway_host)
        for address, reason in self._front.unbound.items():
            log.warning("containers may not reach the emulator at %s: %s", address[0], reason)
        recovered = self._supervisor.recover(unfinished)
        if recovered:
            log.info("went on with %d jobs and endpoints", recovered)
        data.announce(Running(os.getpid(), self.url))

    def _asgi(self, connections: Connections, opened: ExitStack) -> Any:
        before = throttled_by(self._controls)
        control_plane = Service("sagemaker", nouns.operations(self._platform), before=before)
        runtime = Service("sagemaker-runtime", {}, before=before)
        control_plane.warm()
        runtime.warm()
        siblings = [runtime, *(Service(name, {}, before=before) for name in _SIBLINGS)]
        invoker = Invoker(self._router, connections, self._traffic)
        invoke = InvokeEndpoint(runtime, self._router, invoker, self._cloud.account_of, self.settings.region)

        s3 = self._s3_proxy(opened)

        def gateway(own: Any) -> Any:
            return Gateway(
                control=control_plane,
                siblings=siblings,
                own=own,
                cloud=self._cloud.wsgi,
                account_of=self._cloud.account_of,
                region=self.settings.region,
                names=(self.settings.host,),
                s3=s3,
                quotas=ServiceQuotas(self._quotas),
            )

        bridge = Bridge(create_app(gateway, *self._pages(control_plane, *siblings)))
        opened.callback(bridge.close)
        return routed(invoke, bridge)

    def _pages(self, *services: Service) -> tuple[Any, ...]:
        def is_operation(name: str) -> bool:
            return any(service.has(name) for service in services)

        return (
            administration(self.health, self.reset, self._pictured),
            control(self._controls, self._clock, on=self.settings.control, is_operation=is_operation),
        )

    def _s3_proxy(self, opened: ExitStack) -> WsgiApp | None:
        if self._s3 is None:
            return None
        from emulator.front.s3_proxy import S3Proxy

        proxy = S3Proxy(self._s3, THREADS, self._cloud.verify)
        opened.callback(proxy.close)
        return proxy

    def _counts(self) -> dict[str, int]:
        """How many resources of each kind wait for something or serve."""
        machines = [kind.machine for kind in self._kinds]
        return {each.noun: len(list(self._store.scan(each.noun, each.living))) for each in machines}

    def _end_containers(self) -> None:
        """Training containers stay, also those that have ended: the next start learns from them how."""
        stays = self._supervisor.outliving() if not self.settings.ephemeral else (lambda _labels: False)
        self._quietly(lambda: reap(self._engine, lambda owned: stays(owned.labels)))

    def _remove_containers(self) -> None:
        self._quietly(lambda: reap(self._engine, _nobody))

    def _quietly(self, action: Any) -> None:
        try:
            action()
        except EngineError as error:
            log.warning("containers could not be looked after: %s", error)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


# REST services that sign as sagemaker and are told apart by their paths.
_SIBLINGS = ("sagemaker-featurestore-runtime", "sagemaker-metrics", "sagemaker-a2i-runtime", "sagemaker-edge")


def _nobody(_owned: Owned) -> bool:
    return False


def _versions(*names: str) -> dict[str, str]:
    return {name: version(name) for name in names}
