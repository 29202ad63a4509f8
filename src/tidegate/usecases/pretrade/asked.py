"""One order that waits for its answer."""

import asyncio
from dataclasses import dataclass, field

from tidegate.core.pretrade.answer import Answer
from tidegate.core.pretrade.order import Order
from tidegate.ports.tracing import Trace
from tidegate.usecases.pretrade.answering import Decided
from tidegate.usecases.pretrade.remembered import OrderKey


@dataclass(slots=True, eq=False)
class Asked:
    """An order, whether it is a dry run, and where its answer is awaited.

    ``contradicts``: its id was answered before, with other content. ``told``: what was decided for it, once it was
    told. ``trace``: where in a trace it was asked.
    """

    order: Order
    dry_run: bool
    reply: asyncio.Future[Answer]
    fingerprint: bytes = b""
    contradicts: bool = False
    told: Decided | None = None
    trace: Trace | None = None
    key: OrderKey = field(init=False)

    def __post_init__(self) -> None:
        self.key = (self.order.user_id, self.order.order_id)

    def fail(self, trouble: Exception) -> None:
        """Tell the caller of trouble, if it still waits."""
        if not self.reply.done():
            self.reply.set_exception(trouble)

    def tell(self, answer: Answer) -> bool:
        """Tell the caller the answer; tell back whether it still waited for it."""
        if self.reply.done():
            return False
        self.reply.set_result(answer)
        return True
