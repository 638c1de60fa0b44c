"""The erasure of one person's data, in the job's process.

What is to be erased is written into the record of erasures before anything is: so no kill leaves an empty personal part
that nothing accounts for. Each step can be done again; the one who is erased is forgotten last.
"""

from collections.abc import Callable
from dataclasses import dataclass

from services.monitor.adapters.database import open_database
from services.monitor.adapters.erasure_log import ErasureLog
from services.monitor.adapters.erasure_subjects import ErasureSubjects
from services.monitor.adapters.folder_lock import FolderLock
from services.monitor.adapters.ledger_erasing import delete_replaced_records, erase_records, find_records, find_stored
from services.monitor.adapters.locations import Location, tables_below
from services.monitor.adapters.log_store import LogStore, store_at
from services.monitor.adapters.overrides import Overrides
from services.monitor.adapters.projection_erasing import erase_projected
from services.monitor.adapters.rewriting import Rewriting
from services.monitor.domain.erasure import ErasureEntry, ErasureRequest, ErasureResult, Span, Subject, spans_of
from services.monitor.settings import Settings
from shared.jobs.child import JobContext

KIND = "erasure"
_SEARCHED = 0.7


@dataclass(frozen=True)
class Eraser:
    """What an erasure works on; `lock` keeps the projector from reading what is about to be erased."""

    store: LogStore
    projections: Location
    log: ErasureLog
    subjects: ErasureSubjects
    overrides: Overrides
    lock: FolderLock

    def erase(self, context: JobContext) -> str:
        """Erase what was stored of the job's subject until the job was created; return the result as JSON."""
        subject = self.subjects.get(context.job.id)
        if subject is not None:
            self._record(context, subject)
        spans = self.log.of(context.job.id)
        context.report(_SEARCHED, f"erasing {_records(spans)} records")
        result = self._empty(context, spans)
        context.report(0.95, "forgetting whom it was about")
        self.subjects.forget(context.job.id)
        return result.to_json()

    def _record(self, context: JobContext, subject: Subject) -> None:
        """Write down which records are about to be erased, and remove what persons wrote about them."""
        context.report(0.0, "looking for records")
        tell = _telling(context)
        job = context.job
        request = ErasureRequest.from_json(job.payload)
        kind = "ERASURE" if subject.text else "RETENTION"
        entry = ErasureEntry(job.id, kind, job.create_time, request.reason, request.reference, job.caller)
        if subject.stored_before is not None:
            until = min(subject.stored_before, job.create_time)
            self.log.record(entry, find_stored(self.store, until, tell))
            return
        found = list(find_records(self.store, subject, job.create_time, tell))
        self.overrides.forget_words([each.name for each in found])
        self.log.record(entry, spans_of((each.instance, each.sequence) for each in found))

    def _empty(self, context: JobContext, spans: list[Span]) -> ErasureResult:
        job = context.job
        with self.lock.held():
            why = Rewriting(job.id, job.create_time)
            files = erase_records(self.store, spans, why)
            delete_replaced_records(self.store)
            context.report(0.85, "erasing what was projected")
            rows, projected = erase_projected(self.store, tables_below(self.projections), spans, why)
            self.store.make_all_durable()
        return ErasureResult(_records(spans), rows, files + projected)


def build_eraser(settings: Settings) -> Eraser:
    """Return the eraser of a process that was started with these settings."""
    store = store_at(settings.log)
    database = open_database(settings.database_url)
    return Eraser(
        store=store,
        projections=settings.projections,
        log=ErasureLog(store),
        subjects=ErasureSubjects(database),
        overrides=Overrides(database),
        lock=FolderLock(settings.projection_lock),
    )


def _records(spans: list[Span]) -> int:
    return sum(span.last - span.first + 1 for span in spans)


def _telling(context: JobContext) -> Callable[[float], None]:
    """Return what tells of the search by whole percents: each is a commit to disk."""
    told = 0

    def tell(share: float) -> None:
        nonlocal told
        if int(100 * share) > told:
            told = int(100 * share)
            context.report(_SEARCHED * share, f"looked at {told} % of the log")

    return tell
