"""What a stand-in does wrong when it is told to."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import grpc
from google.protobuf.message import Message

from tidegate.demo.fake_upstreams.book import AccountKey

STRANGER: Final = "ffffffff-0000-4000-8000-000000000000"
"""Whose account is told of under WRONG_USER."""

NO_NUMBER: Final = "1e5"
"""What stands for every decimal under GARBAGE."""

_DECIMALS: Final = frozenset({"total", "locked", "quantity", "entry_price", "leverage", "tick_size", "lot_size"})


class Fault(StrEnum):
    """A way to fail; ``UP`` is none."""

    UP = "up"
    SLOW = "slow"
    HANG = "hang"
    ERROR = "error"
    GARBAGE = "garbage"
    NO_MESSAGE = "no_message"
    WRONG_USER = "wrong_user"
    NOTHING = "nothing"


@dataclass
class FaultPlan:
    """Which calls fail, and how: the next ones, else all. ``slow_ms`` is how long SLOW takes before it answers as
    usual; ``arrived`` is set by the first call, ``asked`` counts them by method, ``about`` those about one account.
    """

    every: Fault = Fault.UP
    next_ones: list[Fault] = field(default_factory=list)
    slow_ms: int = 400
    asked: Counter[str] = field(default_factory=Counter)
    about: Counter[AccountKey] = field(default_factory=Counter)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def fault_of(self, method: str) -> Fault:
        """Count a call and give its fault."""
        self.asked[method] += 1
        self.arrived.set()
        return self.next_ones.pop(0) if self.next_ones else self.every


Context = grpc.aio.ServicerContext[object, object]


async def misbehave(
    plan: FaultPlan, method: str, *, usual: Callable[[], Message | None], context: Context
) -> Message | bytes:
    """Answer a call as the plan says; ``usual`` makes a good answer, ``None``: there is no such account."""
    fault = plan.fault_of(method)
    match fault:
        case Fault.HANG:
            await asyncio.Event().wait()
        case Fault.SLOW:
            await asyncio.sleep(plan.slow_ms / 1_000)
        case Fault.ERROR:
            await context.abort(grpc.StatusCode.INTERNAL, "out of order")
        case Fault.NO_MESSAGE:
            return b"\xff\xff\xff\xff"
        case _:
            pass
    message = usual()
    if message is None:
        await context.abort(grpc.StatusCode.NOT_FOUND, "no such account")
    if fault is Fault.GARBAGE:
        _spoil(message, names=_DECIMALS, value=NO_NUMBER)
    elif fault is Fault.WRONG_USER:
        _spoil(message, names=frozenset({"user_id"}), value=STRANGER)
    elif fault is Fault.NOTHING:
        message.Clear()
    return message


def _spoil(message: Message, *, names: frozenset[str], value: str) -> None:
    """Set every field of these names, at any depth."""
    for descriptor, held in message.ListFields():
        if descriptor.name in names:
            setattr(message, descriptor.name, value)
        elif descriptor.message_type is not None:
            for row in held if descriptor.is_repeated else [held]:
                _spoil(row, names=names, value=value)
