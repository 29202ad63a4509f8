"""Hears how far the account feed has been applied, wherever that is told."""

import asyncio
from typing import Final

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.usecases.pretrade.account_feed import AccountFeed

HEAR_S: Final = 0.25
"""Seconds between two hearings; the gate stops at a lag of 5 s."""


class FeedHearing:
    """Hears the feed board again and again. ``trouble`` is what it is waiting out at the moment."""

    def __init__(self, feed: AccountFeed) -> None:
        self._feed = feed
        self.trouble: DependencyFailed | None = None

    async def step(self) -> None:
        """Hear once; what does not answer lets the lag grow, and nothing else."""
        try:
            await self._feed.hear()
        except DependencyFailed as trouble:
            self.trouble = trouble
        else:
            self.trouble = None

    async def run(self) -> None:
        """Hear until cancelled."""
        while True:
            await self.step()
            await asyncio.sleep(HEAR_S)
