"""Opens the parts that the roles of a process ask for, and starts and stops them together."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from tidegate.bootstrap.accounts import Accounts
from tidegate.bootstrap.books import open_books
from tidegate.bootstrap.desk import Desk, open_desk
from tidegate.bootstrap.gate import GatePart
from tidegate.bootstrap.relays import Relays
from tidegate.bootstrap.sole_book import open_sole_book
from tidegate.bootstrap.surroundings import Jobs, Part, Surroundings
from tidegate.bootstrap.upstream import UpstreamPart, open_upstreams
from tidegate.core.pretrade.settings import GateSettings
from tidegate.settings import Role


@dataclass(slots=True)
class Parts:
    """What a process consists of; ``None`` is not among its roles."""

    accounts: Accounts | None = None
    upstream: UpstreamPart | None = None
    gate: GatePart | None = None
    desk: Desk | None = None
    relays: Relays | None = None
    _started: list[Part] = field(default_factory=list)

    def __iter__(self) -> Iterator[Part]:
        """Go through those that are there, in the order in which they start."""
        for part in (self.gate, self.upstream, self.accounts, self.desk, self.relays):
            if part is not None:
                yield part

    def start(self) -> Jobs:
        """Start everything that runs by itself."""
        jobs: Jobs = []
        for part in self:
            jobs += part.start()
            self._started.append(part)
        return jobs

    async def stop(self) -> None:
        """Stop what was started; orders are answered before the feeds end."""
        while self._started:
            await self._started.pop(0).stop()


@asynccontextmanager
async def open_parts(around: Surroundings, limits: GateSettings) -> AsyncIterator[Parts]:
    """Open what the roles ask for; nothing runs yet.

    Raises:
        DependencyFailed: the database does not answer, or another process has its account book.
        UnreadableSettings: the settings of a provider are not right.
    """
    settings, roles = around.settings, around.settings.serve.roles
    parts = Parts()
    async with AsyncExitStack() as stack:
        if settings.serve.with_accounts:
            sole = None if settings.shares_book else await stack.enter_async_context(open_sole_book(around))
            books = await stack.enter_async_context(open_books(around, limits))
            parts.accounts = Accounts(around, books, sole=sole)
            if Role.GATE in roles:
                opened = await stack.enter_async_context(open_upstreams(settings))
                parts.upstream = UpstreamPart(around, parts.accounts, opened=opened) if opened.lines else None
                reading = None if parts.upstream is None else parts.upstream.reading
                parts.gate = GatePart(around, parts.accounts, reading=reading)
        if Role.DESK in roles:
            parts.desk = await stack.enter_async_context(open_desk(settings, around))
        if Role.RELAY in roles:
            parts.relays = Relays(around)
        yield parts
