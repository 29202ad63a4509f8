"""wallet.balance_changed.v1 and risk.exposure.v2."""

from tidegate.core.kernel.decimals import ZERO
from tidegate.core.pretrade.account import Balance
from tidegate.core.pretrade.changes import BalanceSet, BalancesReplaced, ExposureReported
from tidegate.core.pretrade.feeds import BALANCE_CHANGED, EXPOSURE
from tidegate.core.pretrade.scenario import ReportedExposure
from tidegate.inbound.events.record import RecordRow


def read_balance_changed(record: RecordRow) -> BalanceSet | BalancesReplaced:
    """One asset's balance as it now is, or all of them."""
    user_id, account_id, stamp = record.user_id(), record.text("account_id"), record.stamp(BALANCE_CHANGED)
    heals = record.heals()
    if heals is None:
        return BalanceSet(user_id, account_id, stamp, _balance(record.row("balance")))
    return BalancesReplaced(user_id, account_id, stamp, tuple(map(_balance, record.rows("snapshot"))), heals)


def read_exposure(record: RecordRow) -> ExposureReported:
    """The user's exposure as the position service sums it; its time is the event's."""
    stamp = record.stamp(EXPOSURE)
    amount = record.decimal("amount", at_least=ZERO)
    return ExposureReported(record.user_id(), stamp, ReportedExposure(amount, stamp.at_us))


def _balance(row: RecordRow) -> Balance:
    return Balance(row.text("asset"), row.decimal("total"), row.decimal("locked", at_least=ZERO))
