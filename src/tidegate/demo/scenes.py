"""The parts that are played on purpose: each is about one answer of the gate, and says which."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import plain
from tidegate.core.pretrade.order import Order, Side
from tidegate.core.pretrade.reasons import Decision, RejectReason
from tidegate.demo import world
from tidegate.demo.floor import Expected, Floor
from tidegate.demo.gateway import CallFailed, request_of
from tidegate.demo.world import Person
from tidegate.wire.proto.risk.v1 import main_pb2 as pb

Scene = Callable[[Floor], Awaitable[None]]

APPROVED: Final = Expected(Decision.APPROVED)
FLAGGED: Final = Expected(Decision.FLAGGED)
BURST_MAX: Final = 200
"""Orders of a burst at most; the throttle must bite long before."""

_SINGLES: Final[Sequence[tuple[RejectReason, Callable[[Floor], Order]]]] = (
    (RejectReason.TRADING_HALTED, lambda floor: _buy(floor, world.ADA, symbol=world.HALTED, worth=800)),
    (RejectReason.USER_FROZEN, lambda floor: _buy(floor, world.FRANK, worth=700)),
    (RejectReason.PROFILE_NOT_FOUND, lambda floor: _buy(floor, world.NEMO, worth=700)),
    (RejectReason.KYC_INSUFFICIENT, lambda floor: replace(_buy(floor, world.KIRA, worth=300), leverage=Decimal(1))),
    (
        RejectReason.INSTRUMENT_NOT_FOUND,
        lambda floor: replace(_buy(floor, world.ADA, worth=700), symbol="btcusdt"),
    ),
    (
        RejectReason.INSTRUMENT_NOT_TRADABLE,
        lambda floor: _buy(floor, world.ADA, symbol=world.SETTLING, worth=700),
    ),
    (RejectReason.STALE_DATA, lambda floor: _buy(floor, world.ADA, symbol=world.STUCK, worth=700)),
    (
        RejectReason.INVALID_ORDER,
        lambda floor: replace(_buy(floor, world.ADA, worth=700, away=None), post_only=True),
    ),
    (
        RejectReason.INVALID_PRICE,
        lambda floor: _moved(_buy(floor, world.ADA, worth=700), Decimal("0.003")),
    ),
    (
        RejectReason.INVALID_QUANTITY,
        lambda floor: replace(_buy(floor, world.ADA, worth=700), quantity=Decimal("0.2345")),
    ),
    (
        RejectReason.NOTIONAL_OUT_OF_RANGE,
        lambda floor: replace(_buy(floor, world.ADA, symbol="BTCUSDT", worth=700), quantity=Decimal("0.001")),
    ),
    (RejectReason.PRICE_OUT_OF_BAND, lambda floor: _buy(floor, world.ADA, worth=700, away="-0.3")),
    (
        RejectReason.REDUCE_ONLY_VIOLATION,
        lambda floor: replace(_buy(floor, world.ADA, worth=700), reduce_only=True),
    ),
    (
        RejectReason.MAX_LEVERAGE_EXCEEDED,
        lambda floor: replace(_buy(floor, world.LEO, worth=700), leverage=Decimal(50)),
    ),
    (RejectReason.EXPOSURE_LIMIT_EXCEEDED, lambda floor: _buy(floor, world.MIA, worth=20_000)),
    (RejectReason.INSUFFICIENT_MARGIN, lambda floor: _buy(floor, world.PETE, worth=5_000)),
    (RejectReason.RISK_RULE_VIOLATION, lambda floor: _buy(floor, world.LEO, worth=40_000)),
)
"""One order, one reason. ETHUSDT unless a symbol is named; a limit 0.1 % below the mark unless ``away`` says."""


def _buy(floor: Floor, person: Person, *, worth: int, symbol: str = "ETHUSDT", away: str | None = "-0.001") -> Order:
    """Make a buy order of a worth in quote units; ``away`` None makes it a market order."""
    market = floor.market
    quantity = market.lots(symbol, Decimal(worth))
    price = None if away is None else market.on_tick(symbol, market.marks[symbol] * (1 + Decimal(away)))
    order = floor.order(person, Side.BUY, symbol=symbol, quantity=quantity, price=price)
    return replace(order, leverage=Decimal(10))


def _moved(order: Order, by: Decimal) -> Order:
    assert order.price is not None
    return replace(order, price=order.price + by)


def _single(reason: RejectReason, make: Callable[[Floor], Order]) -> Scene:
    async def scene(floor: Floor) -> None:
        await floor.ask(make(floor), Expected(Decision.REJECTED, reason))

    return scene


async def _liquidated_at_once(floor: Floor) -> None:
    """Isa adds to an isolated position far above the mark: it would be liquidated the moment it fills."""
    order = replace(_buy(floor, world.ISA, worth=5_360, away="0.045"), leverage=Decimal(50))
    await floor.ask(order, Expected(Decision.REJECTED, RejectReason.LIQUIDATION_RISK))


async def _nearly_liquidated(floor: Floor) -> None:
    """The same at the price that makes the projected margin ratio about 0.9: a warning, and a margin call."""
    await floor.ask(_order_to_ratio(floor, Decimal("0.9")), FLAGGED)


def _order_to_ratio(floor: Floor, ratio: Decimal) -> Order:
    """Solve ``MM / (margin + q*p/L + Q*(m - ep) + q*(m - p)) = ratio`` for the limit price p.

    Q, ep, margin: the isolated position; q the order's quantity (as much again), m the mark, L its leverage.
    """
    market, symbol = floor.market, "ETHUSDT"
    held = floor.exchange.accounts[world.ISA.user_id(floor.run)].positions[symbol]
    assert held.isolated_margin is not None
    mark, quantity = market.marks[symbol], held.quantity
    rate = market.listings[symbol].tiers[0].maintenance_margin_pct / 100
    owed = (held.quantity + quantity) * mark * rate
    worth = held.isolated_margin + held.quantity * (mark - held.entry_price) + quantity * mark - owed / ratio
    price = market.on_tick(symbol, worth / (quantity * (1 - 1 / held.leverage)))
    order = floor.order(world.ISA, Side.BUY, symbol=symbol, quantity=quantity, price=price)
    return replace(order, leverage=held.leverage)


async def _large_order(floor: Floor) -> None:
    """Wanda's order is large enough for a rule that warns."""
    await floor.ask(_buy(floor, world.WANDA, symbol="BTCUSDT", worth=150_000, away=None), FLAGGED)


async def _rule_on_trial(floor: Floor) -> None:
    """A rule on trial is hit and does not decide."""
    await floor.ask(replace(_buy(floor, world.WANDA, worth=4_000, away=None), leverage=Decimal(20)), APPROVED)


async def _condition_met(floor: Floor) -> None:
    """A market order in a thin coin meets the condition of a rule that warns."""
    await floor.ask(_buy(floor, world.WANDA, symbol="TIAUSDT", worth=2_000, away=None), FLAGGED)


async def _spot_and_inverse(floor: Floor) -> None:
    """Spot pays for what it buys; an inverse perpetual is margined in its base."""
    spot = replace(_buy(floor, world.WANDA, symbol="BTC-USDT", worth=2_500, away=None), leverage=None)
    await floor.ask(spot, APPROVED)
    await floor.ask(_buy(floor, world.WANDA, symbol="BTCUSD", worth=3_000, away=None), APPROVED)


async def _proven_reducer(floor: Floor) -> None:
    """Dora's symbol has no fresh mark: nothing opens there, but she gets out (de-risking is never blocked)."""
    held = floor.exchange.accounts[world.DORA.user_id(floor.run)].positions[world.STUCK]
    half = held.quantity / 2 // 1
    order = floor.order(world.DORA, Side.SELL, symbol=world.STUCK, quantity=half, price=None)
    await floor.ask(order, APPROVED)


async def _sent_twice(floor: Floor) -> None:
    """The same order under a new id is a duplicate; under its own id it gets its own answer again."""
    order = _buy(floor, world.ADA, symbol="LINKUSDT", worth=600)
    first = await floor.ask(order, APPROVED)
    await floor.ask(floor.renamed(order), Expected(Decision.REJECTED, RejectReason.DUPLICATE_ORDER))
    try:
        again = await floor.gateway.check(request_of(order))
    except CallFailed as failed:
        floor.summary.troubles.append(f"{order.order_id}: {failed}")
        return
    same = first is not None and again.decision_id == first.decision_id
    floor.say(
        world.ADA.name, f"{order.order_id} again", answer="SAME" if same else "OTHER", why="sent again: idempotent"
    )
    if not same:
        floor.summary.surprises.append(f"{order.order_id}: sent again, it got another decision")


async def _too_many_orders(floor: Floor) -> None:
    """Gus lays a grid of orders until he has as many as he may."""
    for place in range(world.OPEN_ORDERS_MAX):
        await floor.ask(_buy(floor, world.GUS, worth=1_000, away=f"-0.0{place + 11}"), APPROVED)
    full = Expected(Decision.REJECTED, RejectReason.MAX_OPEN_ORDERS_EXCEEDED)
    await floor.ask(_buy(floor, world.GUS, worth=1_000, away="-0.03"), full)


async def _burst(floor: Floor) -> None:
    """Rob's bot hammers with an order he cannot pay until the throttle bites."""
    order = replace(_buy(floor, world.ROB, worth=3_000), leverage=Decimal(5))
    for _ in range(BURST_MAX):
        response = await floor.ask(floor.renamed(order))
        if response is not None and response.reject_reason == pb.RATE_LIMIT_EXCEEDED:
            return
    floor.summary.surprises.append(f"{order.order_id}: {BURST_MAX} orders in a row were not throttled")


async def _malformed(floor: Floor) -> None:
    """A request that cannot be read is no decision: INVALID_ARGUMENT names every bad field."""
    request = pb.PreTradeCheckRequest(
        user_id="not-a-uuid", account_id="main", order_id="bad-1", symbol="ETHUSDT", side=pb.BUY, quantity="1e3"
    )
    try:
        response = await floor.gateway.check(request)
    except CallFailed as failed:
        if failed.code == "INVALID_ARGUMENT" and {"user_id", "quantity", "order_type"} <= set(failed.fields):
            floor.summary.malformed += 1
            floor.say(
                "-", "a malformed request", answer="INVALID", why=f"{failed.code} names {', '.join(failed.fields)}"
            )
        else:
            floor.summary.surprises.append(f"malformed request: {failed}")
        return
    floor.summary.surprises.append(f"malformed request: {pb.RiskDecision.Name(response.decision)} came")


async def _dry_run(floor: Floor) -> None:
    """A dry run decides, reserves nothing and leaves no trace."""
    order = _buy(floor, world.ADA, symbol="BTCUSDT", worth=5_000, away=None)
    response = await floor.ask(order, APPROVED, dry_run=True)
    if response is not None and response.HasField("reservation_expires_at"):
        floor.summary.surprises.append(f"{order.order_id}: a dry run reserved margin")


async def _most(floor: Floor) -> None:
    """How much would pass? The largest quantity, and what stops the next lot."""
    order = _buy(floor, world.MIA, worth=1_000)
    try:
        found = await floor.gateway.most(request_of(order))
    except CallFailed as failed:
        floor.summary.troubles.append(f"{order.order_id}: {failed}")
        return
    stops = pb.RejectReason.Name(found.binding_reason)
    why = f"{found.quantity} ETH would pass; then {stops}: {found.message}"
    floor.say(world.MIA.name, "how much ETHUSDT would pass?", answer="MAXIMUM", why=why)
    if not Decimal(found.quantity) > 0 or found.binding_reason != pb.EXPOSURE_LIMIT_EXCEEDED:
        floor.summary.surprises.append(f"largest quantity: {plain(Decimal(found.quantity))} until {stops} came")


async def _stream(floor: Floor) -> None:
    """Five orders over one stream, answered in their order."""
    symbols = ("SOLUSDT", "BNBUSDT", "XRPUSDT", "ADAUSDT", "AVAXUSDT")
    orders = [_buy(floor, world.WANDA, symbol=symbol, worth=1_500, away=None) for symbol in symbols]
    try:
        responses = await floor.gateway.stream([request_of(order) for order in orders])
    except CallFailed as failed:
        floor.summary.troubles.append(f"stream: {failed}")
        return
    if [response.trace_id for response in responses] != [order.trace_id for order in orders]:
        floor.summary.surprises.append("stream: the answers are not in the order of the orders")
        return
    for order, response in zip(orders, responses, strict=True):
        floor.take(order, response, expected=APPROVED)


SCENES: Final[Sequence[Scene]] = (
    _liquidated_at_once,
    _nearly_liquidated,
    _dry_run,
    *(_single(reason, make) for reason, make in _SINGLES[:4]),
    _large_order,
    _most,
    *(_single(reason, make) for reason, make in _SINGLES[4:8]),
    _stream,
    _proven_reducer,
    *(_single(reason, make) for reason, make in _SINGLES[8:12]),
    _sent_twice,
    _rule_on_trial,
    *(_single(reason, make) for reason, make in _SINGLES[12:]),
    _too_many_orders,
    _condition_met,
    _spot_and_inverse,
    _malformed,
    _burst,
)
"""In the order they are played, spread over the flow."""
