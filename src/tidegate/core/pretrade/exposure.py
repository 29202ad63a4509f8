"""Exposure of a user in USDT, over all accounts (``spec/pretrade.md`` section 4, "Exposure of a user")."""

from decimal import Decimal
from typing import Final

from tidegate.core.kernel.decimals import HUNDRED, ONE, ZERO
from tidegate.core.pretrade.case import Case
from tidegate.core.pretrade.freshness import stale_mark, usable_mark
from tidegate.core.pretrade.snapshot import Snapshot

DOLLARS: Final = frozenset({"USDT", "USD", "USDC"})
"""Assets that count as USDT one to one."""


def conversion(snapshot: Snapshot, asset: str) -> Decimal | None:
    """Give the price of one unit of an asset in USDT: 1 for dollars, else the usable mark of ``<ASSET>USDT``."""
    if asset in DOLLARS:
        return ONE
    mark = usable_mark(snapshot, f"{asset}USDT")
    return None if mark is None else mark.price


def sum_exposure(case: Case) -> None:
    """Work out the projected exposure, and whether the order raises the user's own."""
    before = _own_exposure(case)
    added = _added_exposure(case)
    _sum_notional_24h(case)
    if before is None or added is None or not case.exposure_known:
        return
    after = before + added
    own_before, own_after = case.kept("projected_exposure_usdt", before), case.kept("projected_exposure_usdt", after)
    if own_before is None or own_after is None:
        return
    case.exposure_raised = own_after > own_before
    projected, metrics = after, case.metrics
    metrics.projected_exposure_usdt = own_after
    reported = _reported(case.snapshot)
    if reported is not None and reported + added > after:
        projected = reported + added
        metrics.projected_exposure_usdt = case.kept("projected_exposure_usdt", projected)
    profile = case.snapshot.profile
    if profile is not None and profile.exposure_limit_usdt and metrics.projected_exposure_usdt is not None:
        share = projected / profile.exposure_limit_usdt * HUNDRED
        metrics.exposure_utilization_pct = case.quotient(share)


def _own_exposure(case: Case) -> Decimal | None:
    """Own exposure before the order; notes what cannot be converted as stale."""
    total = ZERO
    missing: set[str] = set()
    own_asset = case.instrument.settle
    for account in case.snapshot.user.accounts.values():
        for asset, totals in account.assets.items():
            if totals.out_of_range:
                case.out_of_range.append("projected_exposure_usdt")
                case.exposure_known = False
            if not totals.exposure:
                continue
            price = conversion(case.snapshot, asset)
            if price is None:
                missing.add(asset)
            else:
                total += totals.exposure * price
    if _moves(case) and conversion(case.snapshot, own_asset) is None:
        missing.add(own_asset)
    if not missing:
        return total
    known = {datum.name for datum in case.stale}
    for asset in sorted(missing):
        datum = stale_mark(case.snapshot, f"{asset}USDT")
        if datum.name not in known:
            case.stale.append(datum)
    return None


def _moves(case: Case) -> bool:
    """Tell whether the order could leave exposure in its settle asset: not when it is known to leave none."""
    left = case.adds if case.spot else case.worst_after
    return left is None or bool(left)


def _added_exposure(case: Case) -> Decimal | None:
    """What the order adds to the user's own exposure, in USDT (negative when it makes the worst case smaller)."""
    if case.spot:
        added = case.adds
    elif case.worst_before is None or case.worst_after is None:
        added = None
    else:
        added = case.worst_after - case.worst_before
    if not added:
        return added
    price = conversion(case.snapshot, case.instrument.settle)
    return None if price is None else added * price


def _reported(snapshot: Snapshot) -> Decimal | None:
    reported = snapshot.user.reported_exposure
    settings = snapshot.configuration.settings
    if reported is None:
        return None
    age_us = snapshot.now_us - reported.at_us
    fresh = -settings.future_ms_max * 1_000 <= age_us <= settings.exposure_age_ms_max * 1_000
    return reported.amount if fresh else None


def _sum_notional_24h(case: Case) -> None:
    flow = case.snapshot.flow
    if flow.notional_24h is None or case.notional is None:
        return
    price = conversion(case.snapshot, case.instrument.settle)
    if price is not None:
        case.metrics.notional_24h = case.kept("notional_24h", flow.notional_24h + case.notional * price)
