"""The provider ``screening``: searches lists in memory, and keeps them the published ones."""

import asyncio
from collections.abc import Callable, Mapping
from time import perf_counter_ns
from typing import Final

from tidegate.core.assessment.outside import CallStatus, ProviderAnswer
from tidegate.core.assessment.request import SCOPE_KEYS, AssessmentRequest
from tidegate.core.assessment.screening.checks import ReadyList, UnreadableCheck, answer_checks, read_checks
from tidegate.core.assessment.screening.index import ScreeningEngines, ScreeningIndex
from tidegate.core.assessment.screening.names import NameReader
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.rules.lookup import nested_lookup
from tidegate.core.rules.values import Lookup
from tidegate.ports.external_data import ProviderCall, ProviderResult
from tidegate.ports.screening_lists import ListVersion, ScreeningLists

NAME: Final = "screening"
CONFIRM_S: Final = 5.0
"""Seconds between looks at the store, the safety net of its notices."""

_AGAIN_S: Final = 0.5
_NS_A_MS: Final = 1_000_000


class ScreeningProvider:
    """``ExternalDataProviderClient`` over the lists of a store; nothing leaves the house.

    Lists that were loaded go on being searched while the store does not answer; each answer names their versions.
    """

    def __init__(
        self, lists: ScreeningLists, engines: ScreeningEngines, *, clock_ns: Callable[[], int] = perf_counter_ns
    ) -> None:
        self._lists = lists
        self._engines = engines
        self._clock_ns = clock_ns
        self._reader = NameReader(engines.transliterate)
        self._ready: Mapping[str, ReadyList] | None = None
        self._refreshing = asyncio.Lock()
        self.trouble: DependencyFailed | None = None
        """Why the store could not be looked at last time; ``None`` when it could."""

    @property
    def name(self) -> str:
        return NAME

    @property
    def billed(self) -> bool:
        return False

    @property
    def versions(self) -> Mapping[str, int]:
        """Give the versions that are searched; empty before the first look at the store."""
        return {name: ready.version for name, ready in (self._ready or {}).items()}

    async def fetch(self, call: ProviderCall) -> ProviderResult:
        begun = self._clock_ns()
        answer = self._answer(call)
        latency_ms = (self._clock_ns() - begun) // _NS_A_MS
        raw: object = dict(answer.fields) if answer.status is CallStatus.SUCCESS else {"fault": answer.fault}
        return ProviderResult(answer, latency_ms, raw_response=raw)

    def _answer(self, call: ProviderCall) -> ProviderAnswer:
        if self._ready is None:
            return _failure("the screening lists are not loaded yet")
        try:
            checks = read_checks(call.parameters)
        except UnreadableCheck as unreadable:
            return _failure(str(unreadable))
        answered = answer_checks(checks, self._ready, look=_lookup(call.request), reader=self._reader)
        if answered.is_empty:
            return _failure("; ".join(answered.unreadable))
        return ProviderAnswer(CallStatus.SUCCESS, answered.fields)

    async def refresh(self) -> None:
        """Bring every list to its current version; the others go on being searched meanwhile.

        Raises:
            DependencyFailed: the store does not answer; what was loaded stays.
        """
        async with self._refreshing:
            try:
                current = await self._lists.current()
                ready = {version.name: await self._ready_list(version) for version in current}
            except DependencyFailed as trouble:
                self.trouble = trouble
                raise
            self._ready = ready
            self.trouble = None

    async def _ready_list(self, version: ListVersion) -> ReadyList:
        held = (self._ready or {}).get(version.name)
        if held is not None and held.version == version.version:
            return held
        entries = await self._lists.entries(version.name, version.version)
        # a thread, so that orders and requests go on while a list of thousands is made ready
        index = await asyncio.to_thread(ScreeningIndex, entries, self._engines)
        return ReadyList(version.name, version.version, index)

    async def keep_fresh(self) -> None:
        """Follow what is published, until cancelled."""
        async with asyncio.TaskGroup() as both:
            both.create_task(self._follow())
            both.create_task(self._confirm())

    async def _follow(self) -> None:
        while True:
            try:
                async for _ in self._lists.changes():
                    await self.refresh()
            except DependencyFailed as trouble:
                self.trouble = trouble
            await asyncio.sleep(_AGAIN_S)

    async def _confirm(self) -> None:
        while True:
            await asyncio.sleep(CONFIRM_S)
            try:
                await self.refresh()
            except DependencyFailed as trouble:
                self.trouble = trouble


def _failure(fault: str) -> ProviderAnswer:
    return ProviderAnswer(CallStatus.FAILURE, {}, fault)


def _lookup(request: AssessmentRequest) -> Lookup:
    fields: dict[str, object] = {name: getattr(request, name) for name in ("subject_id", *SCOPE_KEYS)}
    return nested_lookup(fields | {"context_data": request.context_data})
