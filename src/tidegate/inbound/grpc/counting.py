"""Counts what callers of the gate are told, and how long they wait."""

from collections.abc import Awaitable, Callable
from time import perf_counter

from tidegate.core.kernel.trouble import DependencyFailed, Overloaded
from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.order import Order
from tidegate.inbound.shared.faults import FaultCode
from tidegate.inbound.shared.figures import Figures

Ask = Callable[[Order, bool], Awaitable[Answer]]


def counted(ask: Ask, figures: Figures) -> Ask:
    """Give an ``ask`` that counts."""

    async def asked(order: Order, dry_run: bool) -> Answer:
        begun = perf_counter()
        try:
            answer = await ask(order, dry_run)
        except Overloaded:
            figures.count_fault(FaultCode.OVERLOADED)
            raise
        except DependencyFailed:
            figures.count_fault(FaultCode.DEPENDENCY_FAILED)
            raise
        figures.count_decision(answer.decision, answer.reject_reason or "", seconds=perf_counter() - begun)
        return answer

    return asked
