"""A replay as the API tells it: what was recorded and what came out again, in the same words."""

from collections.abc import Awaitable, Callable

from tidegate.core.pretrade.rendering import render_verdict
from tidegate.core.pretrade.verdict import Verdict
from tidegate.inbound.rest.dependencies import Replay, ReplayResult
from tidegate.ports.decision_journal import DecisionRecord
from tidegate.usecases.pretrade.replay import Replayed


def replay_by(replayer: Callable[[str], Awaitable[Replayed | None]]) -> Replay:
    """Make the API's replay of the use case's (``Replayer.replay``)."""

    async def replay(decision_id: str) -> ReplayResult | None:
        replayed = await replayer(decision_id)
        if replayed is None:
            return None
        return ReplayResult(
            identical=not replayed.differences,
            recorded=render_verdict(_recorded(replayed.record)),
            replayed=render_verdict(replayed.verdict),
            differences=replayed.differences,
        )

    return replay


def _recorded(record: DecisionRecord) -> Verdict:
    answer = record.answer
    return Verdict(
        decision=answer.decision,
        reject_reason=answer.reject_reason,
        message=answer.message,
        violations=answer.violations,
        rule_hits=answer.rule_hits,
        metrics=record.metrics,
        liquidation_risk=answer.liquidation_risk,
    )
