"""Wires what one process of a database does for all: relays, sealing, retention. Role relay."""

import asyncio
import contextlib
from collections.abc import Mapping
from importlib.metadata import version

from tidegate.bootstrap.audit import seal_job
from tidegate.bootstrap.retention import retention_job
from tidegate.bootstrap.surroundings import Jobs, Surroundings, end
from tidegate.core.kernel.trouble import DependencyFailed
from tidegate.inbound.jobs.relay import Relay, RelayPace
from tidegate.inbound.rest.dependencies import Probe
from tidegate.outbound.postgres.assessment_outbox import PostgresAssessmentOutbox
from tidegate.ports.decision_journal import DecisionRecord
from tidegate.ports.risk_assessments import EndedAssessment
from tidegate.usecases.assessment.announce import AssessmentAnnouncer
from tidegate.usecases.pretrade.announce import Announcer


class Relays:
    """What is sent, sealed and deleted. Each by one process at a time; the others stand by."""

    def __init__(self, around: Surroundings) -> None:
        stores = around.stores
        self._clock, self._figures = around.clock, around.figures
        self._outbox, self._desk_outbox = stores.outbox, PostgresAssessmentOutbox(stores.pool)
        publisher = around.tracing.publisher(around.bus.publisher)
        self.of_gate: Relay[DecisionRecord] = Relay(
            self._outbox,
            Announcer(stores.rules, program=version("tidegate")),
            publisher=publisher,
            encoding=around.encoding,
            alarm=around.alarm,
        )
        self.of_desk: Relay[EndedAssessment] = Relay(
            self._desk_outbox,
            AssessmentAnnouncer(),
            publisher=publisher,
            encoding=around.encoding,
            alarm=around.alarm,
        )
        self.retention = retention_job(stores, around.settings, clock=around.clock)
        self._sealing = seal_job(stores, around.settings, clock=around.clock)
        self._jobs: Jobs = []
        self._watch_gauges()

    def _watch_gauges(self) -> None:
        gate, desk, watch = self.of_gate, self.of_desk, self._figures.watch
        watch("tidegate_events_sent_total", help_text="Events sent by the relay.", gauge=lambda: gate.sent)
        watch(
            "tidegate_relay_backlog",
            help_text="Decisions that wait to be announced, as the relay saw it last; counted up to 10000.",
            gauge=lambda: gate.backlog.decisions,
        )
        watch(
            "tidegate_relay_oldest_seconds",
            help_text="Age of the oldest decision that waits to be announced; 0: none waits.",
            gauge=lambda: 0 if (at_us := gate.backlog.oldest_us) is None else (self._clock.now_us() - at_us) / 1e6,
        )
        watch(
            "tidegate_desk_relay_backlog",
            help_text="Assessments that wait to be announced, as the relay saw it last; counted up to 10000.",
            gauge=lambda: desk.backlog.decisions,
        )
        watch("tidegate_desk_events_sent_total", help_text="Events of the desk sent.", gauge=lambda: desk.sent)
        self._figures.watch_each(
            "tidegate_audit_sealed_total",
            help_text="Rows sealed into the audit chain, by partition.",
            labels=("partition",),
            rows=lambda: {(partition,): count for partition, count in self._sealing.sealed.items()},
        )
        watch(
            "tidegate_audit_sealing_age_seconds",
            help_text="Time since a round of sealing ended whole, here or left to the process that has the claim.",
            gauge=lambda: self._sealing.age_s,
        )

    def probes(self) -> Mapping[str, Probe]:
        """Give what ``/readyz`` asks: nothing, for nobody calls here; how far it is behind is on ``/metrics``."""
        return {}

    def start(self) -> Jobs:
        """Start to relay, to seal and to delete."""
        self._jobs = [
            asyncio.create_task(self.of_gate.run(RelayPace()), name="relay"),
            asyncio.create_task(self.of_desk.run(RelayPace()), name="relay of the desk"),
            asyncio.create_task(self.retention.run(), name="delete what is not read again"),
            asyncio.create_task(self._sealing.run(), name="seal what was decided"),
        ]
        return self._jobs

    async def stop(self) -> None:
        """End, and let another process take over at once."""
        await end(self._jobs)
        for outbox in (self._outbox, self._desk_outbox):
            with contextlib.suppress(DependencyFailed):
                await outbox.close()
