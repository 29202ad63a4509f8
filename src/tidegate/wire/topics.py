from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

USER_TOPICS: Final = (
    "user.created.v1",
    "user.updated.v1",
    "user.verified.v1",
    "user.kyc.updated.v1",
    "user.frozen.v1",
    "user.unfrozen.v1",
)
ACCOUNT_TOPICS: Final = (
    "position.updated.v1",
    "position.closed.v1",
    "order.command.v1",
    "engine.event.v1",
    "wallet.balance_changed.v1",
)
EXPOSURE_TOPIC: Final = "risk.exposure.v2"
INSTRUMENT_TOPICS: Final = ("md.instrument.created.v1", "md.instrument.updated.v1")
MARK_TOPIC: Final = "md.mark.v1"

# What is read to keep the gate's state; the mark topic has its own reader, the others share one consumer group.
IN_TOPICS: Final = (*USER_TOPICS, *ACCOUNT_TOPICS, EXPOSURE_TOPIC, *INSTRUMENT_TOPICS, MARK_TOPIC)
# What the gate produces, and all that it may produce.
OUT_TOPICS: Final = (
    "risk.pretrade_decision.v1",
    "risk.exposure_snapshot.v1",
    "risk.violation.v1",
    "risk.margin_call.v1",
    "risk.liquidation.v1",
)
# What the desk produces; consumed by nobody here.
ASSESSMENT_COMPLETED_TOPIC: Final = "risk.assessment.completed.v1"
ASSESSMENT_FAILED_TOPIC: Final = "risk.assessment.failed.v1"
DESK_TOPICS: Final = (ASSESSMENT_COMPLETED_TOPIC, ASSESSMENT_FAILED_TOPIC)
# Belongs to others; its records can be read here, and are never produced here.
FREEZE_ACCOUNT_TOPIC: Final = "risk.freeze_account.v1"
ALL_TOPICS: Final = (*IN_TOPICS, *OUT_TOPICS, *DESK_TOPICS, FREEZE_ACCOUNT_TOPIC)

TOPIC_NAME_BYTES_MAX: Final = 249  # Kafka's own bound
_ENVIRONMENT = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_DLQ_SUFFIX: Final = ".dlq"


def topic_name(name: str, *, environment: str) -> str:
    """The name a topic has in one environment: `risk.violation.v1` in `dev` is `risk.violation.v1.dev`.

    The only place where the two are joined (PT-701).

    Raises:
        ValueError: `name` is no topic of ALL_TOPICS, or `environment` is not 1 to 32 of a-z, 0-9, `_` and `-`.
    """
    if name not in ALL_TOPICS:
        raise ValueError(f"not a topic of this system: {name!r}")
    return f"{name}.{_checked(environment)}"


def base_name(topic: str, *, environment: str) -> str:
    """The inverse of `topic_name`: what `risk.violation.v1.dev` is called in code.

    Raises:
        ValueError: `topic` is no topic of this system in that environment.
    """
    name = topic.removesuffix(f".{_checked(environment)}")
    if name == topic or name not in ALL_TOPICS:
        raise ValueError(f"not a topic of this system in {environment!r}: {topic!r}")
    return name


def dlq_name(topic: str) -> str:
    """Where unreadable records of a topic go: its full name (environment included) and `.dlq`.

    Raises:
        ValueError: `topic` is itself a dead-letter topic, or the name grows beyond what Kafka takes.
    """
    name = topic + _DLQ_SUFFIX
    if topic.endswith(_DLQ_SUFFIX) or len(name.encode()) > TOPIC_NAME_BYTES_MAX:
        raise ValueError(f"no dead-letter topic for {topic!r}")
    return name


def key_field(name: str) -> str:
    """The field whose value is a record's key: `symbol` for md.*, `subject_id` for the desk's, else `user_id` (PT-703).

    All that concerns one user, one symbol or one subject is thereby in one partition of its topic, in order.
    """
    if name in DESK_TOPICS:
        return "subject_id"
    return "symbol" if name.startswith("md.") else "user_id"


def record_key(name: str, record: Mapping[str, Any]) -> bytes:
    """The key a record is written under: the text of its key field, UTF-8; a UUID in its lower-case hyphenated form."""
    key = key_field(name)
    value = str(record[key])
    return value.lower().encode() if key == "user_id" else value.encode()


def _checked(environment: str) -> str:
    if not _ENVIRONMENT.fullmatch(environment):
        raise ValueError(f"not an environment: {environment!r}")
    return environment
