"""Flow of a user's orders: messages a second, live orders, repeated executions. Each is off when its setting is 0."""

from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.reasons import RejectReason
from tidegate.core.pretrade.violation import Violation


def check_message_rate(case: Case) -> Violation | None:
    """Refuse a message that finds the user's token bucket empty (RATE_LIMIT_EXCEEDED)."""
    most = case.snapshot.configuration.settings.orders_per_second_max
    if not most or case.snapshot.flow.message_allowed:
        return None
    return Violation(
        RejectReason.RATE_LIMIT_EXCEEDED,
        f"more than {most} orders a second",
        metric="orders_per_second",
        observed=f"> {most}",
        limit=str(most),
    )


def check_repeats(case: Case) -> Violation | None:
    """Refuse when ``repeat_max`` equal orders were filled inside ``repeat_window_ms`` (RATE_LIMIT_EXCEEDED), until an
    officer re-arms the throttle.
    """
    settings, fills = case.snapshot.configuration.settings, case.snapshot.flow.equal_fills
    if not settings.repeat_max or fills < settings.repeat_max or case.proven:
        return None
    return Violation(
        RejectReason.RATE_LIMIT_EXCEEDED,
        f"{fills} equal orders were filled within {settings.repeat_window_ms} ms",
        metric="repeat_count",
        observed=str(fills),
        limit=str(settings.repeat_max),
    )


def check_open_orders(case: Case) -> tuple[Violation, ...]:
    """Refuse more live orders, this one included, than the user or the symbol may have (MAX_OPEN_ORDERS_EXCEEDED)."""
    settings = case.snapshot.configuration.settings
    if case.proven or not (settings.open_orders_max or settings.open_orders_per_symbol_max):
        return ()
    found: list[Violation] = []
    of_user = case.snapshot.user.live_count() + 1
    if settings.open_orders_max and of_user > settings.open_orders_max:
        found.append(_too_many("open_orders", of_user, limit=settings.open_orders_max))
    if settings.open_orders_per_symbol_max:
        of_symbol = 1 + sum(
            book.live_count
            for account in case.snapshot.user.accounts.values()
            if (book := account.symbols.get(case.order.symbol)) is not None
        )
        if of_symbol > settings.open_orders_per_symbol_max:
            found.append(_too_many("open_orders_per_symbol", of_symbol, limit=settings.open_orders_per_symbol_max))
    return tuple(found)


def _too_many(metric: str, observed: int, *, limit: int) -> Violation:
    return Violation(
        RejectReason.MAX_OPEN_ORDERS_EXCEEDED,
        f"{observed} live orders are more than {limit}",
        metric=metric,
        observed=str(observed),
        limit=str(limit),
    )
