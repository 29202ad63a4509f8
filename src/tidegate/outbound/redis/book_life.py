"""The life of the shared book as this process follows it: its epoch, where it lives, and how its loss is noticed."""

from collections.abc import Sequence
from typing import Final

from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.outbound.redis.keys import BOOK, BUCKETS, epoch_key
from tidegate.outbound.redis.link import Call, RedisLink, Reply, whole
from tidegate.outbound.redis.scripts import script
from tidegate.ports.shared_book import BookLost

LOST: Final = b"LOST"
_SEPARATOR: Final = ","


class BookLife:
    """Asks Redis for this process on the life that it has adopted.

    ``lost``: a script found another life, or less than was seen before; or a server answered that is none of those
    the life was adopted on. From then on nothing is asked until the next adoption.
    """

    def __init__(self, link: RedisLink) -> None:
        self._link = link
        self._servers: frozenset[str] = frozenset()
        self.epoch = 0
        self.lost = False

    async def ask(self, calls: Sequence[Call]) -> list[Reply | DependencyFailed]:
        """Run scripts on users; each reply may be trouble.

        Raises:
            BookLost: see above; or another life was adopted while they ran, and what they gave is of the former.
            DependencyFailed: the pipeline failed; any of them may have run.
        """
        epoch = self.epoch
        self.require(epoch)
        replies = await self._link.evaluate(calls)
        self.require(epoch)
        self._judge_servers()
        for place, reply in enumerate(replies):
            if reply == LOST:
                self.lost = True
                replies[place] = BookLost("what it held is gone, or of another life")
        return replies

    def require(self, epoch: int) -> None:
        """Refuse to go on with what was asked, or is to be asked, in a life.

        Raises:
            BookLost: none was adopted, it is lost, or another one was adopted meanwhile.
        """
        if self.lost or not epoch:
            raise BookLost("lost, and not yet rebuilt" if self.lost else "no life of it was adopted yet")
        if epoch != self.epoch:
            raise BookLost("another life was adopted meanwhile")

    async def published(self) -> int | None:
        """See ``AdoptedBook``."""
        epoch = await self._link.command("HGET", BOOK, "epoch")
        try:
            return None if epoch is None else int(epoch)
        except (TypeError, ValueError) as unreadable:
            raise DependencyFailed("account book", "its published epoch cannot be read") from unreadable

    async def instance(self) -> str:
        """See ``AdoptedBook``."""
        return _SEPARATOR.join(sorted(await self._link.ask_run_ids()))

    def adopt(self, epoch: int, *, instance: str) -> None:
        """Work on a life from now on, which lives on these servers."""
        self._servers = frozenset(instance.split(_SEPARATOR))
        self.epoch = epoch
        self.lost = False

    async def begin(self, epoch: int, *, instance: str) -> None:
        """Stamp all buckets, and adopt the life once that is done: nobody sees it half begun."""
        calls = [Call(script("begin"), (epoch_key(bucket),), (epoch,)) for bucket in range(BUCKETS)]
        if LOST in whole(await self._link.evaluate(calls)):
            raise BookLost(f"it holds life {epoch} or a later one already")
        self.adopt(epoch, instance=instance)
        self._judge_servers()

    async def publish(self, epoch: int) -> None:
        """See ``RebuiltBook``."""
        if LOST in whole(await self._link.evaluate([Call(script("publish"), (BOOK,), (epoch,))])):
            raise BookLost(f"a later life than {epoch} is published")

    def _judge_servers(self) -> None:
        if self._link.strangers(self._servers):
            self.lost = True
            raise BookLost("another server answers than before")
