"""Thousands of malformed requests against a whole process: each is the caller's fault, and none leaves a trace."""

import asyncio
import string
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

import grpc
import pytest
from tests.inbound.grpc.edge import SERVICE, Refusal, refused
from tests.system.clients import Clients, a_small_order, introduce
from tests.system.processes import RecordFigure, Served
from tests.system.world import User, guest_of, some_users

from tidegate.inbound.grpc.server import MESSAGE_BYTES_MAX
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

pytestmark = [pytest.mark.system, pytest.mark.timeout(1_800)]

Broken = tuple[bytes, frozenset[str]]
"""The bytes of a request, and the fields that must be named (none: at least one must be, whichever)."""

ANY: Final = frozenset[str]()
TEXTS: Final = {"user_id": 1, "account_id": 2, "order_id": 3, "symbol": 4, "quantity": 7, "price": 8, "trace_id": 12}
NUMBERS: Final = ("1e3", "NaN", "-1", "+1", " 1", "1 ", "0x10", "1,0", ".5", "5.", "00", "1_0", "Infinity", "9" * 39)
ENUMS: Final = ("side", "order_type", "position_side")


def random_bytes(random: Random, user: User) -> Broken:
    """Bytes that hold nothing: whatever they parse as, no order is in them."""
    return b"\xff" + random.randbytes(random.randint(0, 200)), ANY


def cut_short(random: Random, user: User) -> Broken:
    """An order that ends somewhere before its quantity does."""
    whole = a_small_order(user, f"cut-{random.random()}").SerializeToString()
    until_quantity = a_small_order(user, price="", leverage="", trace_id="").SerializeToString()
    return whole[: random.randint(0, len(until_quantity) - len("0.001") - 2)], ANY


def overlong(random: Random, user: User) -> Broken:
    """A field that claims to be longer than what follows."""
    order = a_small_order(user).SerializeToString()
    return order + bytes([random.choice(list(TEXTS.values())) << 3 | 2, random.randint(50, 127)]) + b"abc", ANY


def not_utf_8(random: Random, user: User) -> Broken:
    """Fields whose bytes are no text."""
    names = random.sample(sorted(TEXTS), random.randint(1, 3))
    order = a_small_order(user)
    for name in names:
        order.ClearField(name)  # type: ignore[arg-type]  # a name of a field
    bad = [
        bytes([TEXTS[name] << 3 | 2, 3]) + random.choice([b"\xff\xfe\xfd", b"a\xc3(", b"\xed\xa0\x80"])
        for name in names
    ]
    parts = [order.SerializeToString(), *bad]
    random.shuffle(parts)
    return b"".join(parts), frozenset(names)


def bad_fields(random: Random, user: User) -> Broken:
    """Fields that are text and say nothing that can be read."""
    controls = [chr(code) for code in (*range(32), 127)]
    candidates: dict[str, Callable[[], Any]] = {
        "user_id": lambda: "".join(random.choices(string.hexdigits + "-", k=random.randint(0, 35))),
        "account_id": lambda: random.choice(["", "a" * random.randint(129, 300), f"a{random.choice(controls)}"]),
        "order_id": lambda: random.choice(["", "é" * random.randint(65, 90), random.choice(controls)]),
        "symbol": lambda: random.choice(["", f"{random.choice(controls)}BTCUSDT"]),
        "quantity": lambda: random.choice(["", "0", "0.000", *NUMBERS]),
        "price": lambda: random.choice(NUMBERS),
        "stop_price": lambda: random.choice(NUMBERS),
        "leverage": lambda: random.choice(["0", "0.5", *NUMBERS]),
        "trace_id": lambda: "t" * random.randint(129, 200),
        "side": lambda: random.choice([0, -1, 3, 2**31 - 1]),
        "order_type": lambda: random.choice([0, -5, 5, 99]),
        "position_side": lambda: random.choice([-1, 4, 77]),
    }
    names = random.sample(sorted(candidates), random.randint(1, 5))
    order = a_small_order(user, **{name: candidates[name]() for name in names})
    return order.SerializeToString(), frozenset(names)


KINDS: Final = (random_bytes, cut_short, overlong, not_utf_8, bad_fields, bad_fields)


async def test_gate_sent_malformed_requests_blames_the_caller_and_keeps_no_trace(
    calm_service: Served, full_sizes: bool, record_property: RecordFigure
) -> None:
    """PT-102, PT-132, PT-133, PL-307: 10,000 malformed requests at full size, 1,500 else, of every method.

    Each is INVALID_ARGUMENT with a BadRequest that names exactly the bad fields, never INTERNAL or UNKNOWN; nothing is
    stored, nothing reserved, and the service goes on.
    """
    count = 10_000 if full_sizes else 1_500
    random = Random(4)
    (user,) = some_users(1)
    seen: Counter[str] = Counter()
    async with guest_of(calm_service.data) as stores, Clients(calm_service.grpc, 4) as clients:
        await introduce(stores, clients, users=[user])
        async with stores.pool.connection() as connection:
            before = await connection.fetchval("SELECT count(*) FROM decisions")
        for _ in range(count // 50):
            broken = [(kind := random.choice(KINDS), *kind(random, user)) for _ in range(50)]
            told = await asyncio.gather(*(send(clients, random, kind=kind, broken=rest) for kind, *rest in broken))
            for (kind, payload, _), (refusal, named) in zip(broken, told, strict=True):
                assert refusal.code is grpc.StatusCode.INVALID_ARGUMENT, (payload, refusal)
                assert refusal.fields, payload
                assert not named or set(refusal.fields) == named, payload
                seen[kind.__name__] += 1
        async with stores.pool.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM decisions") == before
        largest = await refused(clients.stubs[0].PreTradeCheck(a_small_order(user, trace_id="t" * MESSAGE_BYTES_MAX)))
        assert largest.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        alive = await clients.stubs[0].PreTradeCheck(a_small_order(user, "alive"))
        assert alive.decision == pb.APPROVED
    kinds = ", ".join(f"{kind} {number}" for kind, number in sorted(seen.items()))
    record_property("figure", f"{seen.total()} malformed requests ({kinds}): all INVALID_ARGUMENT, nothing stored")


async def send(clients: Clients, random: Random, *, kind: object, broken: Sequence[Any]) -> tuple[Refusal, set[str]]:
    """Send bytes through one of the three methods; give how it ended and the fields that must be named.

    ``MaxOrderQuantity`` gets them as its order, whose quantity may say anything as long as it is text.
    """
    payload, named = broken
    unread = {"quantity"} if kind is bad_fields else set()
    channel = random.choice(clients.channels)
    methods = ["PreTradeCheck", "PreTradeCheckStream"]
    if kind is not cut_short and (named != unread or not named):
        methods.append("MaxOrderQuantity")
    method = random.choice(methods)
    if method == "PreTradeCheckStream":
        call = channel.stream_stream(SERVICE + method)(iter([payload]))
        return await refused(call.read()), set(named)
    if method == "MaxOrderQuantity":
        inner = b"\x0a" + _varint(len(payload)) + payload
        return await refused(channel.unary_unary(SERVICE + method)(inner)), set(named - unread)
    return await refused(channel.unary_unary(SERVICE + method)(payload)), set(named)


def _varint(number: int) -> bytes:
    octets = bytearray()
    while number > 0x7F:
        octets.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*octets, number])
