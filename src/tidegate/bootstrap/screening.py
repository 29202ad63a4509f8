"""Opens the screening of names: lists on PostgreSQL, the provider over them, the import of a list."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tidegate.bootstrap.stores import open_stores
from tidegate.bootstrap.system import SystemClock
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.outbound.postgres.screening_lists import PostgresScreeningLists
from tidegate.outbound.screening.engines import screening_engines
from tidegate.outbound.screening.formats import ListFiles, ListFormat, read_list
from tidegate.outbound.screening.provider import ScreeningProvider
from tidegate.outbound.screening.reading import ListDraft, ListFault, SourceFile, UnreadableList
from tidegate.ports.screening_lists import ListSource, ListVersion, ScreeningLists, list_name_fault
from tidegate.ports.stored import Change
from tidegate.settings import Settings

__all__ = [
    "ListDraft",
    "ListFault",
    "ListFiles",
    "ListFormat",
    "SourceFile",
    "UnreadableList",
    "list_name_fault",
]
"""What the command line names without knowing the technology behind it."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import has done: the version, whether it is new, and what was left out of it."""

    version: ListVersion
    is_new: bool
    left_out: int
    skipped: tuple[ListFault, ...]


@asynccontextmanager
async def open_screening(pool: PostgresPool) -> AsyncIterator[ScreeningProvider]:
    """Open the provider ``screening`` on the lists of a database, and keep it fresh.

    While the database does not answer, the provider says so in its answers: the process starts all the same.
    """
    async with screening_on(PostgresScreeningLists(pool)) as provider:
        yield provider


@asynccontextmanager
async def screening_on(lists: ScreeningLists) -> AsyncIterator[ScreeningProvider]:
    """Open the provider on any store of lists."""
    provider = ScreeningProvider(lists, screening_engines())
    with suppress(DependencyFailed):  # kept as the provider's trouble; it tries again by itself
        await provider.refresh()
    keeping = asyncio.create_task(provider.keep_fresh(), name="keep screening lists fresh")
    try:
        yield provider
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


def read_list_files(list_format: ListFormat, files: ListFiles, *, skips_unreadable: bool = False) -> ListDraft:
    """Read a list; nothing is stored.

    Raises:
        UnreadableList: with every fault.
    """
    return read_list(list_format, files, skips_unreadable=skips_unreadable)


async def publish_draft(
    lists: ScreeningLists, name: str, *, draft: ListDraft, source: ListSource, by: Change
) -> Imported:
    """Publish what was read as a version of a list, whole or not at all.

    Raises:
        UnreadableList: a list cannot be called so.
        DependencyFailed: the store does not answer; nothing was stored.
    """
    fault = list_name_fault(name)
    if fault is not None:
        raise UnreadableList([ListFault("name", 0, fault)])
    version, is_new = await lists.publish(name, source, entries=draft.entries, by=by)
    return Imported(version, is_new, draft.left_out, tuple(draft.faults))


async def import_list(
    lists: ScreeningLists, name: str, *, files: ListFiles, list_format: ListFormat, by: Change
) -> Imported:
    """Read a list and publish it: what the demo and tests call, in one.

    Raises:
        UnreadableList: with every fault; nothing was stored.
        DependencyFailed: the store does not answer; nothing was stored.
    """
    draft = await asyncio.to_thread(read_list_files, list_format, files)
    source = source_of(draft, files, list_format=list_format)
    return await publish_draft(lists, name, draft=draft, source=source, by=by)


def source_of(draft: ListDraft, files: ListFiles, *, list_format: ListFormat) -> ListSource:
    """Say where a draft comes from."""
    return ListSource(list_format.value, draft.published_on, files.sha256())


@asynccontextmanager
async def open_lists(settings: Settings) -> AsyncIterator[ScreeningLists]:
    """Open the store of lists that settings choose."""
    async with open_stores(settings) as stores:
        yield PostgresScreeningLists(stores.pool)


def change_now(actor: str) -> Change:
    """Say who changes, now."""
    return Change(actor, SystemClock().now_us())
