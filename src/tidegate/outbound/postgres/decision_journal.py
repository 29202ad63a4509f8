"""The journal of decisions in PostgreSQL: a batch is one statement, one round trip, one commit."""

from collections.abc import Mapping, Sequence
from typing import Final

from tidegate.outbound.postgres.book_epoch import book_epoch_required
from tidegate.outbound.postgres.decision_codec import decode_answer, encode_announces, encode_decision
from tidegate.outbound.postgres.instants import to_timestamp
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.outbound.postgres.recent_decisions import RecentDecisions
from tidegate.ports.decision_journal import MARGIN_CALL_TOPIC, DecisionRecord, RememberedAnswer

# The answers are claimed in the order of their keys, so that two batches never wait for each other crosswise. The
# unique key is the arbiter: a claim waits for the transaction that holds it and takes it only when that one failed, or
# when its answer is older than 24 h. What was not accepted is written nowhere, and its place is given back.
# What is written long after it was decided (``relaxed`` has waited for the database) notes itself: the time that it
# belongs to may have been sealed.
_RECORD: Final = """
WITH fence AS MATERIALIZED (
    SELECT require_book_epoch($16) AS held
), batch AS MATERIALIZED (
    SELECT item.* FROM fence CROSS JOIN unnest(
        $1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
        $9::timestamptz[], $10::bytea[], $11::text[], $12::bytea[], $13::text[], $14::boolean[], $15::boolean[]
    ) WITH ORDINALITY AS item (
        decision_id, user_id, account_id, order_id, symbol, decision, reason, evaluated_at, reservation_expires_at,
        fingerprint, announces, payload, notional_usdt, claims, contradicts, place
    )
), claimed AS (
    INSERT INTO order_answers AS standing (user_id, order_id, decision_id, evaluated_at)
    SELECT user_id, order_id, decision_id, evaluated_at FROM batch WHERE claims ORDER BY user_id, order_id
    ON CONFLICT (user_id, order_id) DO UPDATE
    SET decision_id = excluded.decision_id, evaluated_at = excluded.evaluated_at
    WHERE standing.evaluated_at < excluded.evaluated_at - interval '24 hours'
    RETURNING decision_id
), accepted AS MATERIALIZED (
    SELECT * FROM batch WHERE CASE
        WHEN contradicts THEN true
        WHEN claims THEN decision_id IN (SELECT decision_id FROM claimed)
        ELSE NOT EXISTS (
            SELECT FROM order_answers AS standing
            WHERE standing.user_id = batch.user_id AND standing.order_id = batch.order_id
                AND standing.evaluated_at >= batch.evaluated_at - interval '24 hours'
        ) AND NOT EXISTS (
            SELECT FROM batch AS earlier
            WHERE earlier.claims AND earlier.place < batch.place
                AND earlier.user_id = batch.user_id AND earlier.order_id = batch.order_id
        )
    END
), written AS (
    INSERT INTO decisions (
        decision_id, user_id, account_id, order_id, symbol, decision, reason, evaluated_at, reservation_expires_at,
        fingerprint, announces, payload, notional_usdt
    )
    SELECT decision_id, user_id, account_id, order_id, symbol, decision, reason, evaluated_at, reservation_expires_at,
        fingerprint, announces, payload, notional_usdt::numeric
    FROM accepted
), noted AS (
    INSERT INTO late_decisions (decision_id)
    SELECT decision_id FROM accepted WHERE evaluated_at < clock_timestamp() - interval '15 seconds'
), queued AS (
    INSERT INTO outbox (decision_id) SELECT decision_id FROM accepted WHERE announces <> '' ORDER BY place
)
SELECT place - 1 AS place FROM batch WHERE decision_id NOT IN (SELECT decision_id FROM accepted) ORDER BY place
"""

# One call a user, at the first of the batch's records that asks for it; the row lock makes concurrent batches agree.
_MARGIN_CALLS: Final = """
WITH asked AS (
    SELECT DISTINCT ON (user_id) decision_id, user_id, evaluated_at
    FROM unnest($1::uuid[]) WITH ORDINALITY AS item (decision_id, place) JOIN decisions USING (decision_id)
    ORDER BY user_id, place
), due AS (
    UPDATE risk_profiles AS profile SET last_margin_call = asked.evaluated_at FROM asked
    WHERE profile.user_id = asked.user_id
        AND (last_margin_call IS NULL OR last_margin_call <= asked.evaluated_at - $2 * interval '1 microsecond')
    RETURNING asked.decision_id
)
UPDATE decisions SET announces = array_to_string(array_remove(string_to_array(announces, ' '), $3), ' ')
WHERE decision_id = ANY ($1::uuid[]) AND decision_id NOT IN (SELECT decision_id FROM due)
"""

_STANDING: Final = """
SELECT asked.place, decision.fingerprint, decision.payload
FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS asked (user_id, order_id, place)
JOIN order_answers AS standing USING (user_id, order_id)
JOIN decisions AS decision ON decision.decision_id = standing.decision_id
"""

_REMEMBERED: Final = """
SELECT decision.fingerprint, decision.payload
FROM order_answers AS standing JOIN decisions AS decision ON decision.decision_id = standing.decision_id
WHERE standing.user_id = $1::uuid AND standing.order_id = $2 AND standing.evaluated_at >= $3
"""


# The row may have been sealed already: a withdrawal notes itself, and is sealed as what it is.
_WITHDRAW: Final = """
WITH withdrawn AS (
    UPDATE decisions SET withdrawn = true WHERE decision_id = ANY ($1::uuid[]) RETURNING decision_id, user_id, order_id
), noted AS (
    INSERT INTO decision_withdrawals (decision_id) SELECT decision_id FROM withdrawn ON CONFLICT DO NOTHING
)
DELETE FROM order_answers AS standing USING withdrawn
WHERE standing.user_id = withdrawn.user_id AND standing.order_id = withdrawn.order_id
    AND standing.decision_id = withdrawn.decision_id
"""


class PostgresDecisionJournal:
    """``DecisionJournal`` on PostgreSQL; always durable when it returns (``synchronous_commit`` is on).

    ``recent`` keeps what was written for the relay of this process.
    """

    def __init__(self, pool: PostgresPool, recent: RecentDecisions | None = None) -> None:
        self._pool = pool
        self._recent = RecentDecisions() if recent is None else recent

    async def record(
        self, batch: Sequence[DecisionRecord], *, margin_call_cooldown_us: int, book_epoch: int | None = None
    ) -> Mapping[int, RememberedAnswer]:
        if not batch:
            return {}
        refused = await self._write(batch, cooldown_us=margin_call_cooldown_us, book_epoch=book_epoch)
        if not refused:
            self._recent.keep(batch)
            return {}
        self._recent.keep(record for place, record in enumerate(batch) if place not in refused)
        standing = await self._standing(batch, refused)
        # An answer may have been withdrawn after it had refused a record: then the record is written after all.
        again = [place for place in refused if place not in standing]
        if again:
            repeated = [batch[place] for place in again]
            found = await self.record(repeated, margin_call_cooldown_us=margin_call_cooldown_us, book_epoch=book_epoch)
            standing |= {again[place]: answer for place, answer in found.items()}
        return standing

    async def remembered(self, user_id: str, order_id: str, *, since_us: int) -> RememberedAnswer | None:
        async with self._pool.connection() as connection:
            row = await connection.fetchrow(_REMEMBERED, user_id, order_id, to_timestamp(since_us))
        return None if row is None else RememberedAnswer(row["fingerprint"], decode_answer(row["payload"]))

    async def withdraw(self, decision_ids: Sequence[str]) -> None:
        async with self._pool.connection() as connection:
            await connection.execute(_WITHDRAW, decision_ids)

    async def _write(self, batch: Sequence[DecisionRecord], *, cooldown_us: int, book_epoch: int | None) -> list[int]:
        """Write what is accepted, and give the places of the rest; a margin call needs a transaction around it."""
        columns = _columns(batch)
        calls = [record.answer.decision_id for record in batch if MARGIN_CALL_TOPIC in record.announces]
        if not calls:
            async with self._pool.connection() as connection:
                with book_epoch_required():
                    return [row["place"] for row in await connection.fetch(_RECORD, *columns, book_epoch)]
        async with self._pool.transaction() as connection:
            with book_epoch_required():
                refused = [row["place"] for row in await connection.fetch(_RECORD, *columns, book_epoch)]
            await connection.execute(_MARGIN_CALLS, calls, cooldown_us, MARGIN_CALL_TOPIC)
        return refused

    async def _standing(self, batch: Sequence[DecisionRecord], refused: Sequence[int]) -> dict[int, RememberedAnswer]:
        """Give the answers that stand for the refused records; committed ones, for the claim has waited for them."""
        orders = [batch[place].order for place in refused]
        users, ids = [order.user_id for order in orders], [order.order_id for order in orders]
        async with self._pool.connection() as connection:
            rows = await connection.fetch(_STANDING, users, ids)
        return {
            refused[row["place"] - 1]: RememberedAnswer(row["fingerprint"], decode_answer(row["payload"]))
            for row in rows
        }


def _columns(batch: Sequence[DecisionRecord]) -> tuple[list[object], ...]:
    """Turn the batch into one array a column, in the order of the statement's parameters."""
    rows = [
        (
            record.answer.decision_id,
            record.order.user_id,
            record.order.account_id,
            record.order.order_id,
            record.order.symbol,
            record.answer.decision,
            record.answer.reject_reason,
            to_timestamp(record.answer.evaluated_at_us),
            None if record.reservation is None else to_timestamp(record.reservation.expires_at_us),
            record.fingerprint,
            encode_announces(record.announces),
            encode_decision(record),
            None if (notional := record.notional_usdt) is None else str(notional),
            record.remembered and not record.contradicts,
            record.contradicts,
        )
        for record in batch
    ]
    return tuple(map(list, zip(*rows, strict=True)))
