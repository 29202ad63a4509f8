"""Reads from the upstream services what a start needs, and reads on later where they did not answer."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.backoff import Backoff
from tidegate.usecases.pretrade.replica import Replica
from tidegate.usecases.pretrade.upstream_sync import UpstreamSync


@dataclass(slots=True)
class UpstreamJob:
    """Runs the sync until nothing is left, once the book is whole. ``trouble`` is why it did not get on last time, and
    ``report`` is told when that begins or changes.
    """

    sync: UpstreamSync
    replica: Replica
    report: Callable[[str], None]
    look_s: float = 0.25
    most_s: float = 30.0
    trouble: DependencyFailed | None = field(default=None, init=False)

    async def attempt(self) -> bool:
        """Read what is left; tell whether that was all. A service that does not answer keeps nobody from serving."""
        if not self.replica.rebuilt:
            return False
        try:
            await self.sync.run()
        except DependencyFailed as trouble:
            if self.trouble is None or str(trouble) != str(self.trouble):
                self.report(str(trouble))
            self.trouble = trouble
            return False
        self.trouble = None
        return self.sync.done

    async def run(self) -> None:
        """Read until nothing is left, longer pauses after each failure; then there is nothing to do until the end."""
        backoff = Backoff(first_s=0.5, most_s=self.most_s)
        while not await self.attempt():
            if self.trouble is None:
                await asyncio.sleep(self.look_s)
            else:
                await backoff.wait()
        await asyncio.Event().wait()
