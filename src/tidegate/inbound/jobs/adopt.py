"""Looks a few times a second whether the shared book is whole and the one worked on; has it built anew when not."""

import asyncio
from dataclasses import dataclass, field

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.backoff import Backoff
from tidegate.usecases.pretrade.adoption import Adoption, Standing


@dataclass(slots=True)
class AdoptJob:
    """Runs the adoption. ``standing`` is what the last look came to, ``trouble`` why it failed; ``built`` counts the
    lives that this process has built.
    """

    adoption: Adoption
    every_s: float = 0.25
    standing: Standing | None = field(default=None, init=False)
    trouble: DependencyFailed | None = field(default=None, init=False)
    built: int = field(default=0, init=False)

    async def run(self) -> None:
        """Look until cancelled; a look that failed is repeated after a while, longer each time."""
        backoff = Backoff()
        while True:
            try:
                self.standing = await self.adoption.step()
            except DependencyFailed as trouble:
                self.standing, self.trouble = None, trouble
                await backoff.wait()
                continue
            self.trouble = None
            backoff.reset()
            if self.standing is Standing.BUILT:
                self.built += 1
            else:
                await asyncio.sleep(self.every_s)
