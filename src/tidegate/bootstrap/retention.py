"""Wires what deletes: what is kept of which topic, and for how long."""

from typing import Final

from tidegate.bootstrap.feeds import MARK_GROUP
from tidegate.bootstrap.stores import Stores
from tidegate.inbound.jobs.retention import RetentionJob, RetentionPlan
from tidegate.ports.clock import Clock
from tidegate.settings import Settings
from tidegate.wire.topics import DESK_TOPICS, MARK_TOPIC, OUT_TOPICS, topic_name

DAY_US: Final = 86_400_000_000
MARKS_KEPT_US_MIN: Final = 60_000_000
"""Marks that are younger than a minute stay, however short ``mark_age_ms_max`` is."""


def retention_job(stores: Stores, settings: Settings, *, clock: Clock) -> RetentionJob:
    """Give the job that deletes, for this environment's topics."""
    suffix = settings.topics.suffix
    plan = RetentionPlan(
        mark_topic=topic_name(MARK_TOPIC, environment=suffix),
        mark_group=MARK_GROUP,
        marks_kept_us=max(MARKS_KEPT_US_MIN, settings.gate.mark_age_ms_max * 1_000),
        out_topics=tuple(topic_name(topic, environment=suffix) for topic in (*OUT_TOPICS, *DESK_TOPICS)),
        out_kept_us=settings.retention.out_days * DAY_US,
    )
    return RetentionJob(stores.retention, plan, clock)
