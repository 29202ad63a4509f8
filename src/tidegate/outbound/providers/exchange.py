"""What passes between the runtime and an adapter: questions out, replies in, and what went wrong."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol

from tidegate.core.assessment.outside import CallStatus
from tidegate.core.rules.json_exact import write_json
from tidegate.ports.external_data import ProviderCall

OK: Final = 200
NOT_FOUND: Final = 404
TOO_MANY: Final = 429
SERVER_FAULTS: Final = 500


@dataclass(frozen=True, slots=True)
class Question:
    """One HTTP request: ``path`` is escaped and stands under the provider's base URL, ``body`` is JSON.

    Two questions that differ in their headers alone (a reference number, say) ask the same thing.
    """

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None

    @property
    def identity(self) -> str:
        """Name what is asked, without showing it: equal questions share answers in the cache and in flight."""
        asked = write_json([self.method, self.path, [list(pair) for pair in self.query], self.body])
        return sha256(asked.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back whole and within bounds. ``document`` is what ``read_json`` gives, None with ``unreadable``.

    ``raw`` is what is kept of it for the log; ``size`` its bytes; ``unreadable`` says why it is no strict JSON, and is
    empty when it is.
    """

    status: int
    document: object
    raw: object
    size: int
    unreadable: str = ""


@dataclass(frozen=True, slots=True)
class Fault:
    """What went wrong with a request, in words that name no credential and nobody.

    ``repeatable``: asking again may help. ``blames_provider``: it counts against the provider. ``chargeable``: the
    request may have reached the provider and been charged.
    """

    words: str
    status: CallStatus = CallStatus.FAILURE
    repeatable: bool = False
    blames_provider: bool = True
    chargeable: bool = False
    raw: object = None


class AttemptFailed(Exception):
    """A request gave nothing that can be used."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.words)
        self.fault = fault


class NotAsked(Exception):
    """The request does not say what the provider would have to be asked; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one call asks, by a key of the adapter's own, and what needs no asking (``known``, as ``read`` gives it)."""

    questions: Mapping[str, Question]
    known: Mapping[str, Mapping[str, object]] = field(default_factory=dict)


class ProviderAdapter(Protocol):
    """Translates for one provider. Pure: it neither waits nor remembers."""

    @property
    def name(self) -> str:
        """Name the provider as rules do."""

    def plan(self, call: ProviderCall) -> Plan:
        """Say what is to be asked. Raises NotAsked when the request lacks it."""

    def read(self, question: Question, reply: Reply) -> dict[str, object]:
        """Give the fields that a reply holds, ``found`` among them. Raises AttemptFailed for any other reply."""

    def combine(self, call: ProviderCall, parts: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
        """Give the whole answer from its parts, by the keys of the plan."""


def document_of(reply: Reply) -> object:
    """Give the JSON of a reply with status 200.

    Raises:
        AttemptFailed: any other status (repeatable from 500 on), or no strict JSON.
    """
    if reply.status != OK:
        raise status_fault(reply)
    if reply.unreadable:
        raise AttemptFailed(Fault(f"answered with what cannot be read: {reply.unreadable}", chargeable=True))
    return reply.document


def status_fault(reply: Reply, words: str = "") -> AttemptFailed:
    """Make the failure of a status that is no answer; ``words`` say what the provider said to it."""
    overloaded = reply.status >= SERVER_FAULTS or reply.status == TOO_MANY
    # Wrong credentials concern every request; any other 4xx is about this one and says nothing about the provider.
    blamed = overloaded or reply.status in {401, 403}
    said = f" ({words})" if words else ""
    # Who says "too many" is not asked again at once.
    repeatable = reply.status >= SERVER_FAULTS
    return AttemptFailed(Fault(f"answered {reply.status}{said}", repeatable=repeatable, blames_provider=blamed))
