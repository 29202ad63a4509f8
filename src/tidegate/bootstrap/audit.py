"""Wires the audit chain: its key, what seals, and what verifies."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tidegate.bootstrap.stores import Stores, open_stores
from tidegate.bootstrap.system import SystemClock
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.seal import SealJob, SealPace
from tidegate.outbound.postgres.audit_chain import PostgresAuditChain
from tidegate.outbound.postgres.audited_rows import PostgresAuditedRows
from tidegate.outbound.signing.head_keys import HeadKey, HeadKeys, UnusableKey
from tidegate.ports.audit_chain import AuditChain, AuditedRows
from tidegate.ports.clock import Clock
from tidegate.settings import Profile, Settings
from tidegate.usecases.audit.seal import Sealer, SealingTerms
from tidegate.usecases.audit.verify import Verifier


@dataclass(frozen=True, slots=True)
class Audit:
    """The chain of one database, and the rows that it is about."""

    chain: AuditChain
    rows: AuditedRows

    def sealer(self, key: HeadKey) -> Sealer:
        """Give what seals and cuts."""
        return Sealer(self.chain, self.rows, signer=key, clock=SystemClock())

    def verifier(self, public_pems: Iterable[str]) -> Verifier:
        """Give what verifies with these public keys.

        Raises:
            UnusableKey: one of them is none.
        """
        return Verifier(self.chain, self.rows, keys=HeadKeys.of_pems(public_pems))


def key_file(settings: Settings) -> Path:
    """Say where the key that signs heads is."""
    return settings.audit.key_file or settings.data.dir / "audit" / "head_key.pem"


def head_key(settings: Settings) -> HeadKey:
    """Read the key that signs heads; the demo makes it at its first use.

    Raises:
        DependencyFailed: there is none, or it cannot be used.
    """
    read = HeadKey.read if settings.profile is Profile.PROD else HeadKey.kept_in
    try:
        return read(key_file(settings))
    except (UnusableKey, OSError) as unusable:
        raise DependencyFailed("audit key", str(unusable)) from unusable


def seal_job(stores: Stores, settings: Settings, *, clock: Clock) -> SealJob:
    """Give the job that seals.

    Raises:
        DependencyFailed: there is no key to sign with.
    """
    chain = PostgresAuditChain(stores.pool)
    terms = SealingTerms(settle_us=settings.audit.settle_ms * 1_000)
    sealer = Sealer(chain, PostgresAuditedRows(stores.pool), signer=head_key(settings), clock=clock, terms=terms)
    return SealJob(sealer, chain, SealPace(every_s=settings.audit.every_ms / 1_000))


@asynccontextmanager
async def open_audit(settings: Settings) -> AsyncIterator[Audit]:
    """Open the chain of the database that settings name.

    Raises:
        DependencyFailed: it does not answer.
    """
    async with open_stores(settings) as stores:
        yield Audit(PostgresAuditChain(stores.pool), PostgresAuditedRows(stores.pool))
