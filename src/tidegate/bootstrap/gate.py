"""Wires the order gate: the loop that decides, what writes its decisions down, and the look at one order alone."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final

from tidegate.bootstrap.accounts import Accounts
from tidegate.bootstrap.surroundings import Jobs, Surroundings, end
from tidegate.bootstrap.system import RandomIds
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.order import Order
from tidegate.inbound.rest.dependencies import Probe
from tidegate.usecases.pretrade.deciding import Decider
from tidegate.usecases.pretrade.gate import Gate, GateLimits
from tidegate.usecases.pretrade.max_quantity import MaxQuantity, max_quantity
from tidegate.usecases.pretrade.recording import Recorder
from tidegate.usecases.pretrade.upstream_reading import UpstreamReading

DRAIN_S: Final = 4.0
"""What orders in flight are given at the end; with the rest of the shutdown it stays under 10 s."""


class GatePart:
    """Role gate, on the accounts of this process; ``reading`` reads through what they lack."""

    def __init__(self, around: Surroundings, accounts: Accounts, *, reading: UpstreamReading | None = None) -> None:
        settings, memory = around.settings, accounts.memory
        self._clock = around.clock
        self._memory = memory
        self._reading = reading
        self.decider = Decider(memory.replica, memory.flow, ids=RandomIds(), alarm=around.alarm)
        self._recorder = Recorder(
            around.tracing.journal(around.stores.journal),
            memory.book,
            durability=settings.gate.durability,
            settings=lambda: memory.replica.configuration.settings,
            take_back=self.decider.take_back,
        )
        self.gate = Gate(
            book=memory.book,
            decider=self.decider,
            recorder=self._recorder,
            clock=around.clock,
            limits=GateLimits(queue_max=settings.gate.queue_max, batch_max=settings.gate.batch_max),
        )
        self.gate.traces = around.tracing.batches()
        self._jobs: Jobs = []
        around.figures.watch(
            "tidegate_gate_queue_length",
            help_text="Orders that wait to be decided.",
            gauge=lambda: self.gate.waiting,
        )

    async def ask(self, order: Order, dry_run: bool) -> Answer:
        """Decide one order.

        Raises:
            DependencyFailed: not ready yet, or something did not answer.
            Overloaded: the queue is full.
        """
        if not self._memory.replica.rebuilt:
            raise DependencyFailed("order gate", "is being rebuilt", retry_after_ms=500)
        if self._reading is None:
            return await self.gate.ask(order, dry_run=dry_run)
        await self._reading.complete(order)
        answer = await self.gate.ask(order, dry_run=dry_run)
        self._reading.notice(order, answer)
        return answer

    async def ask_most(self, order: Order) -> MaxQuantity:
        """Give the largest quantity of an order that would pass.

        Raises:
            DependencyFailed: the configuration is not confirmed, or the book does not answer.
        """
        now_us = self._clock.now_us()
        self.decider.require_configuration(now_us)
        if self._reading is not None:
            await self._reading.complete(order)
        states = await self._memory.book.snapshot([order.user_id], now_us=now_us)
        return max_quantity(order, self.decider.snapshot(order, states[order.user_id], now_us=now_us))

    def probes(self) -> Mapping[str, Probe]:
        """Give what ``/readyz`` asks: whether the configuration is confirmed and the journal keeps up."""

        async def configuration() -> str | None:
            try:
                self.decider.require_configuration(self._clock.now_us())
            except DependencyFailed as trouble:
                return str(trouble)
            return None

        async def journal() -> str | None:
            return None if self._recorder.trouble is None else str(self._recorder.trouble)

        return {"configuration": configuration, "journal": journal}

    def start(self) -> Jobs:
        """Start the loop, and what writes the backlog."""
        self._jobs = [
            asyncio.create_task(self.gate.run(), name="gate"),
            asyncio.create_task(self._recorder.run(), name="write the backlog"),
        ]
        return self._jobs

    async def stop(self) -> None:
        """Answer what waits, and write what is left."""
        self.gate.drain()
        deciding, writing = self._jobs
        await asyncio.wait({deciding}, timeout=DRAIN_S)
        await end([writing])
        with contextlib.suppress(DependencyFailed):
            await self._recorder.flush()
        await end([deciding])
