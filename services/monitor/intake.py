"""Segments on their way into the log: verified, stored, and what an auditor must know about them raised."""

from collections.abc import Callable

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.ledger import Ledger
from services.monitor.adapters.ledger_group import Appended
from services.monitor.domain.chain import Alert
from services.monitor.metrics import IngestMeter
from services.monitor.projector import Projector


class Intake:
    """Takes segments from any number of threads."""

    def __init__(
        self, ledger: Ledger, projector: Projector, on_alert: Callable[[Alert], None], meter: IngestMeter
    ) -> None:
        self._ledger = ledger
        self._projector = projector
        self._on_alert = on_alert
        self._meter = meter

    def ingest(self, segment: prediction_pb2.Segment) -> Appended:
        """Store the segment, once; on return it is on disk. Its projection follows behind.

        A gap or a broken chain is stored all the same and raises an alert. Raises what Ledger.append does; then nothing
        is stored.
        """
        with self._meter.ingesting():
            appended = self._ledger.append(segment)
        self._meter.stored(len(segment.records), already_stored=appended.already_stored)
        if not appended.already_stored:
            self._projector.wake()
        if appended.alert is not None:
            self._on_alert(appended.alert)
        return appended
