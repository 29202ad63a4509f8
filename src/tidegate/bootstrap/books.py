"""Opens the account book: in memory, or in Redis, where many processes share it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tidegate.bootstrap.surroundings import Surroundings
from tidegate.core.pretrade.settings import GateSettings
from tidegate.core.pretrade.snapshot import Market
from tidegate.inbound.jobs.mirror import MirrorJob
from tidegate.outbound.memory.account_book import MemoryAccountBook
from tidegate.outbound.memory.feed_board import MemoryFeedBoard
from tidegate.outbound.postgres.book_mirror import PostgresBookLives, PostgresBookMirror
from tidegate.outbound.redis.account_book import RedisAccountBook
from tidegate.outbound.redis.feed_board import RedisFeedBoard
from tidegate.outbound.redis.link import RedisLink
from tidegate.ports.account_book import AccountBook
from tidegate.ports.book_mirror import BookLives, BookMirror
from tidegate.ports.feed_board import FeedBoard
from tidegate.usecases.pretrade.configuration import empty_configuration
from tidegate.usecases.pretrade.flow import FlowWindows
from tidegate.usecases.pretrade.mirroring import Mirroring
from tidegate.usecases.pretrade.replica import Replica
from tidegate.usecases.pretrade.shared_flows import SharedFlows


@dataclass(frozen=True, slots=True)
class SharedParts:
    """What a book in Redis comes with: its lives, its copy, and what keeps that copied."""

    link: RedisLink
    book: RedisAccountBook
    lives: BookLives
    mirror: BookMirror
    copying: MirrorJob


@dataclass(frozen=True, slots=True)
class Books:
    """What this process knows of market and configuration, the flow windows of its users, and the account book."""

    replica: Replica
    flow: FlowWindows
    book: AccountBook
    board: FeedBoard
    shared: SharedParts | None = None


@asynccontextmanager
async def open_books(around: Surroundings, limits: GateSettings) -> AsyncIterator[Books]:
    """Open the book that settings name; nothing is in it yet."""
    replica, flow, area = Replica(Market(), empty_configuration(limits)), FlowWindows(), around.settings.redis
    if area.url is None:
        yield Books(replica, flow, MemoryAccountBook(replica.market), MemoryFeedBoard())
        return
    link = RedisLink(area.url, timeout_ms=area.timeout_ms)
    flows = SharedFlows(flow, lambda: replica.configuration.settings)
    book = RedisAccountBook(link, replica.market, flows=flows, clock=around.clock)
    mirror = PostgresBookMirror(around.stores.pool)
    copying = MirrorJob(Mirroring(book, mirror))
    shared = SharedParts(link, book, PostgresBookLives(around.stores.pool), mirror, copying)
    try:
        yield Books(replica, flow, book, RedisFeedBoard(link), shared)
    finally:
        await book.close()
        await link.close()
