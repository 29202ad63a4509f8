"""Reading what a request holds and what a provider answered: each member by its type, what is wrong in words."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, NoReturn

from tidegate.core.assessment.request import SCOPE_KEYS, AssessmentRequest
from tidegate.core.rules.faults import pointer_to
from tidegate.core.rules.lookup import nested_lookup
from tidegate.core.rules.values import Lookup, type_name
from tidegate.outbound.providers.exchange import AttemptFailed, Fault

REQUEST_FIELDS: Final = ("subject_id", *SCOPE_KEYS)
"""What of a request a provider may be told, beside ``context_data.*``; the trace is ours alone."""


def request_lookup(request: AssessmentRequest) -> Lookup:
    """Give what reads dotted paths in a request; a path that is not there, or null, is None."""
    fields: dict[str, object] = {name: getattr(request, name) for name in REQUEST_FIELDS}
    return nested_lookup(fields | {"context_data": request.context_data})


def is_request_path(path: str) -> bool:
    """Tell whether a provider may be told what lies at a dotted path."""
    return path in REQUEST_FIELDS or (path.startswith("context_data.") and all(path.split(".")))


def wrong_schema(pointer: str, expected: str, *, got: object) -> NoReturn:
    """Refuse an answer. Raises AttemptFailed that says where, and what would be right."""
    words = f"answered with another schema: {pointer or 'the answer'} is {type_name(got)}, expected {expected}"
    raise AttemptFailed(Fault(words, chargeable=True))


def object_at(value: object, pointer: str) -> Mapping[str, object]:
    """Give an object. Raises AttemptFailed for anything else."""
    return value if isinstance(value, Mapping) else wrong_schema(pointer, "an object", got=value)


def list_at(value: object, pointer: str) -> Sequence[object]:
    """Give a list. Raises AttemptFailed for anything else."""
    return value if isinstance(value, list) else wrong_schema(pointer, "a list", got=value)


def text_in(holder: Mapping[str, object], key: str, *, pointer: str) -> str:
    """Give a member that must be a text. Raises AttemptFailed."""
    value = holder.get(key)
    return value if isinstance(value, str) else wrong_schema(pointer_to(pointer, key), "a text", got=value)


def members_of(holder: Mapping[str, object], kinds: Mapping[str, type], *, pointer: str = "") -> dict[str, object]:
    """Give the members named in ``kinds`` that are there and not null; each must be of its type.

    Raises AttemptFailed for a member of another type.
    """
    found: dict[str, object] = {}
    for key, kind in kinds.items():
        value = holder.get(key)
        if value is None:
            continue
        # A boolean is an int to Python, never a number here.
        if not isinstance(value, kind):
            wrong_schema(pointer_to(pointer, key), _KIND_NAMES[kind], got=value)
        found[key] = value
    return found


_KIND_NAMES: Final[Mapping[type, str]] = {str: "a text", Decimal: "a number", bool: "a boolean"}
