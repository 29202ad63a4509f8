"""Trouble as exceptions. A refusal is never one of these: a refusal is a value."""


class DependencyFailed(Exception):
    """Something outside this process failed or did not answer; asking again may help.

    ``retry_after_ms`` tells the caller when asking again makes sense.
    """

    def __init__(self, dependency: str, reason: str, *, retry_after_ms: int = 100) -> None:
        super().__init__(f"{dependency}: {reason}")
        self.dependency = dependency
        self.reason = reason
        self.retry_after_ms = retry_after_ms


class Overloaded(Exception):
    """More was asked than can be queued; nothing was done. ``retry_after_ms`` tells when to ask again."""

    def __init__(self, what: str, *, retry_after_ms: int) -> None:
        super().__init__(f"{what} is full")
        self.retry_after_ms = retry_after_ms
