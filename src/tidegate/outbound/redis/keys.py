"""What lies where. A user's keys are tagged by a bucket, which has the epoch of the book: one slot, seen atomically."""

from typing import Final
from zlib import crc32

BUCKETS: Final = 256
"""Parts of the book that are stamped with its epoch; a slot of a cluster holds whole ones."""

BOOK: Final = b"tidegate:book"
INSTRUMENTS: Final = (b"tidegate:{instruments}", b"tidegate:{instruments}:ages", b"tidegate:{instruments}:revision")
MARKS: Final = b"tidegate:marks"
FEED: Final = b"tidegate:feed"

UserKeys = tuple[bytes, bytes, bytes]
"""The bucket's epoch, the user's row, the user's moves."""


def epoch_key(bucket: int) -> bytes:
    """Give the key that holds the epoch of a bucket."""
    return b"tidegate:{%04d}:epoch" % bucket


def user_keys(user_id: str) -> UserKeys:
    """Give the keys of a user."""
    name = user_id.encode()
    bucket = crc32(name) % BUCKETS
    row = b"tidegate:{%04d}:%s:" % (bucket, name)
    return epoch_key(bucket), row + b"u", row + b"m"
