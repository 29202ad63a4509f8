"""Where the audit chain is kept, what it is about, and who signs its heads."""

from collections.abc import Sequence
from typing import Protocol

from tidegate.core.kernel.audit_chain import AuditedRow, ChainEntry, ChainHead, ChainTip, Place, SignedHead


class ChainMoved(Exception):
    """Somebody else has appended to the chain meanwhile. Nothing was written."""


class AuditedRows(Protocol):
    """The rows that are audited, by partition. ``DependencyFailed`` when the store does not answer."""

    def partitions(self) -> Sequence[str]:
        """Name the partitions."""

    async def settled(self, partition: str, *, now_us: int, settle_us: int) -> int:
        """Give the position up to which every row that there will ever be is there: nothing that began before
        ``now_us - settle_us`` can still commit. It may lag behind.
        """

    async def rows(self, partition: str, *, after: Place, until: int, limit: int) -> Sequence[AuditedRow]:
        """Give the rows behind a place, up to a position, in their order."""


class AuditChain(Protocol):
    """Keeps entries and heads. ``DependencyFailed`` when the store does not answer."""

    async def claim(self) -> bool:
        """Become the one process that seals; tell whether this process is it."""

    async def close(self) -> None:
        """Give the claim up."""

    async def tip(self, partition: str) -> ChainTip:
        """Give the end of the chain."""

    async def append(self, partition: str, entries: Sequence[ChainEntry], *, heads: Sequence[SignedHead]) -> None:
        """Write entries and the heads that sign them, all or nothing.

        Raises:
            ChainMoved: an entry or a head of that number is there already.
        """

    async def entries(self, partition: str, *, after: int, limit: int) -> Sequence[ChainEntry]:
        """Give the entries behind a sequence number, in order."""

    async def entry_at(self, partition: str, position: int) -> ChainEntry | None:
        """Give the last entry of a row with a position of at most this one."""

    async def heads(self, partition: str, *, after: int, limit: int) -> Sequence[SignedHead]:
        """Give the heads behind a number, in order."""

    async def last_cut(self, partition: str) -> SignedHead | None:
        """Give the last head that is a CUT."""


class HeadSigner(Protocol):
    """Signs heads with a key that the database does not hold."""

    def sign(self, head: ChainHead) -> SignedHead:
        """Sign a head."""


class HeadVerifier(Protocol):
    """Verifies heads with public keys that were not read from the database."""

    def holds(self, signed: SignedHead) -> bool:
        """Tell whether the signature is a known key's, over this head."""
