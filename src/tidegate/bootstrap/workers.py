"""Several processes on one machine behind the same addresses: started, kept running, and replaced one by one.

Workers are fresh interpreters, never forks of one that has imported gRPC. The supervisor binds the REST address once
for each worker and hands the socket over; as it keeps a copy, a worker's successor takes what still waits on it, and no
connection is lost between them. The gRPC library binds by itself: there the port is shared, and the supervisor keeps
it from others.
"""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from tidegate.inbound.jobs.backoff import Backoff
from tidegate.inbound.rest.server import bind_shared
from tidegate.settings import Role, Settings

READY_S: Final = 120.0
"""What a worker is given to be ready; a rebuild of the account book may take its time."""

END_S: Final = 15.0
"""What a worker is given to end, beside the time for balancers; then it is killed."""

STEADY_S: Final = 10.0
"""A worker that ran for so long is restarted at once when it ends; one that did not is waited for ever longer."""


class WorkerFailed(Exception):
    """A worker ended, or was ended, before it was ready; ``code`` is its exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"a worker ended with {code} before it was ready")
        self.code = code


@dataclass(frozen=True, slots=True)
class Offer:
    """What a worker is started with: where it is reached (ports are taken, none is 0; ``grpc`` is ``None`` without role
    gate), the descriptor of its REST socket, and whether it is the first of all.
    """

    rest: tuple[str, int]
    grpc: tuple[str, int] | None
    descriptor: int
    first: bool


Command = Callable[[Offer], Sequence[str]]
"""Gives the command line of a worker."""


class Worker:
    """One process of ours. Its standard input is a leash: it ends when the supervisor does, however that ends."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._began = asyncio.get_running_loop().time()

    @classmethod
    async def start(cls, command: Sequence[str], *, descriptor: int) -> "Worker":
        """Start a process that inherits a socket."""
        return cls(
            await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                pass_fds=(descriptor,),
                start_new_session=True,  # what the terminal tells the supervisor is the supervisor's to hand on
            )
        )

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def age_s(self) -> float:
        """Seconds since it was started."""
        return asyncio.get_running_loop().time() - self._began

    async def ready(self) -> str:
        """Give the line by which it says that it is ready.

        Raises:
            WorkerFailed: it ended before, or was not ready after ``READY_S`` and was killed.
        """
        assert self._process.stdout is not None
        line = b""
        try:
            async with asyncio.timeout(READY_S):
                line = await self._process.stdout.readline()
        except TimeoutError:
            pass
        finally:
            if not line.startswith(b"ready "):
                self.kill()
        if not line.startswith(b"ready "):
            raise WorkerFailed(await self.ended())
        return line.decode().rstrip()

    async def ended(self) -> int:
        """Wait until it has ended; give its exit code."""
        return await self._process.wait()

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self, *, within_s: float) -> int:
        """Let it drain and end; give its exit code."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(within_s):
                return await self.ended()
        except TimeoutError:
            self.kill()
            return await self.ended()


@dataclass(slots=True)
class Berth:
    """The place of one worker: the REST socket that it and its successors take calls on, who is there now, and who is
    about to leave.
    """

    rest: tuple[str, int]
    listener: socket.socket
    worker: Worker | None = None
    leaving: Worker | None = None
    changing: asyncio.Lock = field(default_factory=asyncio.Lock)

    def renew(self) -> None:
        """Bind anew, for nobody answers what waits on the socket of a worker that has died."""
        self.listener.close()
        self.listener = bind_shared(*self.rest)


class Supervisor:
    """Keeps workers running. ``run`` from start to end."""

    def __init__(self, settings: Settings, command: Command) -> None:
        serve, rest, grpc = settings.serve, settings.rest, settings.grpc
        self._command = command
        self._kept = [_reserved(rest.host, rest.port)]
        self._rest = (rest.host, _port_of(self._kept[0]))
        self._grpc: tuple[str, int] | None = None
        if Role.GATE in serve.roles:
            self._kept.append(_reserved(grpc.host, grpc.port))
            self._grpc = (grpc.host, _port_of(self._kept[1]))
        self._berths = [Berth(self._rest, bind_shared(*self._rest)) for _ in range(serve.workers)]
        self._end_s = END_S + serve.drain_ms / 1_000
        self._log = structlog.get_logger("tidegate")

    async def run(self, *, ready: Callable[[str], None], stopped: asyncio.Event, renewed: asyncio.Event) -> int:
        """Start all, tell that they are ready, and keep them until ``stopped``; give the exit code.

        The first starts alone: what is done once for all (schema, seed, keys) is then done. ``renewed`` asks for every
        worker to be replaced, one after another, each when its successor is ready.
        """
        stopping = asyncio.create_task(stopped.wait())
        working = asyncio.create_task(self._work(ready, renewed))
        await asyncio.wait({stopping, working}, return_when=asyncio.FIRST_COMPLETED)
        failed = working.exception() if working.done() else None
        for task in (stopping, working):
            task.cancel()
        await asyncio.gather(stopping, working, return_exceptions=True)
        codes = await asyncio.gather(*(self._stop(berth) for berth in self._berths))
        for held in (*self._kept, *(berth.listener for berth in self._berths)):
            held.close()
        if isinstance(failed, WorkerFailed):
            return failed.code if failed.code > 0 else 1
        if failed is not None:
            raise failed
        return 1 if any(codes) else 0

    async def _work(self, ready: Callable[[str], None], renewed: asyncio.Event) -> None:
        line = await self._fill(self._berths[0], first=True)
        others = await asyncio.gather(*(self._fill(berth) for berth in self._berths[1:]), return_exceptions=True)
        for failed in others:
            if isinstance(failed, BaseException):
                raise failed
        ready(line)
        async with asyncio.TaskGroup() as keeping:
            for berth in self._berths:
                keeping.create_task(self._keep(berth))
            keeping.create_task(self._renew(renewed))

    async def _fill(self, berth: Berth, *, first: bool = False) -> str:
        """Put a worker into a berth once it is ready, give its line; who was there before goes on until it is asked.

        Raises:
            WorkerFailed: it did not become ready.
        """
        offer = Offer(self._rest, self._grpc, berth.listener.fileno(), first)
        worker = await Worker.start(self._command(offer), descriptor=offer.descriptor)
        try:
            line = await worker.ready()
        except BaseException:
            worker.kill()
            raise
        berth.worker = worker
        return line

    async def _keep(self, berth: Berth) -> None:
        """Restart the worker of a berth whenever it ends by itself."""
        backoff = Backoff(first_s=0.2, most_s=10.0)
        while (worker := berth.worker) is not None:
            code = await worker.ended()
            async with berth.changing:
                if berth.worker is not worker:
                    continue
                self._log.error("a worker has ended and is started again", pid=worker.pid, code=code)
                berth.renew()
                if worker.age_s >= STEADY_S:
                    backoff.reset()
                else:
                    await backoff.wait()
                await self._refill(berth, backoff)

    async def _refill(self, berth: Berth, backoff: Backoff) -> None:
        while True:
            try:
                await self._fill(berth)
            except WorkerFailed as failed:
                self._log.error("a worker could not be started", code=failed.code)
                await backoff.wait()
            else:
                return

    async def _renew(self, renewed: asyncio.Event) -> None:
        while True:
            await renewed.wait()
            renewed.clear()
            for number, berth in enumerate(self._berths, start=1):
                if not await self._replace(berth):
                    self._log.error("workers are not replaced any further", replaced=number - 1)
                    break
            else:
                self._log.info("all workers are replaced")

    async def _replace(self, berth: Berth) -> bool:
        """Put a fresh worker in the place of the one that is there; tell whether it could be."""
        async with berth.changing:
            former = berth.worker
            try:
                await self._fill(berth)
            except WorkerFailed as failed:
                self._log.error("a worker could not be started", code=failed.code)
                return False
            if former is not None:
                berth.leaving = former
                await former.stop(within_s=self._end_s)
                berth.leaving = None
            return True

    async def _stop(self, berth: Berth) -> int:
        there = [worker for worker in (berth.worker, berth.leaving) if worker is not None]
        codes = await asyncio.gather(*(worker.stop(within_s=self._end_s) for worker in there))
        return max(map(abs, codes), default=0)


def _port_of(bound: socket.socket) -> int:
    port: int = bound.getsockname()[1]
    return port


def _reserved(host: str, port: int) -> socket.socket:
    """Bind an address for workers to share, when nobody at all has it; port 0 takes a free one.

    Raises:
        OSError: somebody has it, though it were another supervisor.
    """
    if port:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host.strip("[]"), port), family=family).close()
    return bind_shared(host, port)
