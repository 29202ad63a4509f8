"""A database that is sealed, verified and tampered with."""

from tests.ports.assessment_stores import a_claim, postgres_assessments
from tests.ports.builders import NOW_US, a_record, a_rule, a_tier, an_order, by
from tests.ports.stores import postgres_stores
from tests.usecases.audit.keys import SetClock, ToyKey

from tidegate.bootstrap.system import SystemClock
from tidegate.core.pretrade.account import TradingState
from tidegate.outbound.postgres.audit_chain import PostgresAuditChain
from tidegate.outbound.postgres.audited_rows import PostgresAuditedRows
from tidegate.outbound.postgres.pool import PostgresPool
from tidegate.ports.configuration import Scope, TradingStateRow
from tidegate.usecases.audit.seal import Sealer, SealingTerms
from tidegate.usecases.audit.verify import PartitionReport, Verifier

S = 1_000_000


class World:
    """A database, a clock, a sealer and a verifier."""

    def __init__(self, pool: PostgresPool) -> None:
        self.pool = pool
        self.chain = PostgresAuditChain(pool)
        self.rows = PostgresAuditedRows(pool)
        self.clock = SetClock(SystemClock().now_us())
        self.began_us = self.clock.now - 10 * S
        """When the first order of a test is decided: lately enough not to be late."""
        self.sealer = self.a_sealer()

    def a_sealer(self) -> Sealer:
        return Sealer(
            PostgresAuditChain(self.pool),
            PostgresAuditedRows(self.pool),
            signer=ToyKey(),
            clock=self.clock,
            terms=SealingTerms(settle_us=0, batch_max=3),
        )

    async def seal_all(self) -> int:
        total = 0
        for partition in self.rows.partitions():
            while count := await self.sealer.seal(partition):
                total += count
        return total

    async def verified(self, partition: str = "decisions") -> PartitionReport:
        return await Verifier(self.chain, self.rows, keys=ToyKey(), batch=2).verify(partition)

    async def kinds(self, partition: str = "decisions") -> list[str]:
        return [fault.kind.value for fault in (await self.verified(partition)).faults]

    async def run(self, statement: str, *values: object) -> None:
        async with self.pool.connection() as connection:
            await connection.execute(statement, *values)

    async def tamper(self, statement: str, *values: object) -> None:
        """Run a statement as somebody would who owns the database: no trigger minds it."""
        async with self.pool.transaction() as connection:
            await connection.execute("SET LOCAL session_replication_role = replica")
            await connection.execute(statement, *values)

    async def decide(self, *order_ids: str) -> list[str]:
        """Record a decision for each order; give their ids."""
        records = [
            a_record(an_order(order_id), at_us=self.began_us + place * S // 10)
            for place, order_id in enumerate(order_ids)
        ]
        await postgres_stores(self.pool).journal.record(records, margin_call_cooldown_us=0)
        return [record.answer.decision_id for record in records]


async def fill(world: World) -> None:
    """Write two rows at least into every audited table, through the stores where there is one."""
    pool = world.pool
    stores, desk = postgres_stores(pool), postgres_assessments(pool)
    decided = await world.decide(*[f"o-{number}" for number in range(4)])
    late = [a_record(an_order(f"late-{number}"), at_us=NOW_US + number) for number in range(2)]
    await stores.journal.record(late, margin_call_cooldown_us=0)
    await stores.journal.withdraw(decided[:2])
    await stores.rules.create(a_rule(), by=by())
    await stores.rules.create(a_rule("other"), by=by())
    await stores.tiers.create([a_tier(1), a_tier(2)], by=by())
    for scope, key in ((Scope.GLOBAL, ""), (Scope.SYMBOL, "BTCUSDT")):
        row = TradingStateRow(scope, key, TradingState.REDUCING, "news", "officer", NOW_US)
        await stores.trading_states.put(row, version=None)
    for number in (1, 2):
        await desk.made(a_claim(number, request_hash=str(number)))
    async with pool.connection() as connection:
        for statement in DESK_ROWS:
            await connection.execute(statement)


DESK_ROWS = (
    "INSERT INTO lt_risk_engine.managed_list (name, entries) VALUES ('one', '[\"IR\"]'), ('two', '[]')",
    """INSERT INTO lt_risk_engine.risk_rule (rule_code, category, weight, logic_config) VALUES
        ('A', 'FRAUD', 1, '{"when": {}}'), ('B', 'CREDIT', -1, '{"when": {}}')""",
    """INSERT INTO lt_risk_engine.risk_threshold (score_from, score_to, decision) VALUES
        (0, 500, 'APPROVED'), (501, 1000, 'REJECTED')""",
)
