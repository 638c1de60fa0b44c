"""Keeps the projections in step with the ledger, behind the acknowledgement and never in its way."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc
from deltalake.exceptions import DeltaError

from services.monitor.adapters.chunk_rows import project_all
from services.monitor.adapters.drift_decisions import new_decisions
from services.monitor.adapters.durability import make_folder, write_atomically
from services.monitor.adapters.ledger import Ledger
from services.monitor.adapters.ledger_rows import FAILURE
from services.monitor.adapters.projection_rows import LEDGER_COLUMNS, set_apart
from services.monitor.adapters.projections import Projections
from services.monitor.domain.chain import Alert
from services.monitor.domain.histograms import Decisions
from services.monitor.domain.model import ModelFacts, Models, is_numbered
from shared.errors import CounterfoilError, Unavailable

# What is read of the ledger and projected at once, as compressed: memory does not grow with what waits.
_BYTES_AT_ONCE = 24 << 20
# While segments arrive and nobody waits for a window, the projector rests so many times as long as it worked.
_RESTS = 9.0
# How long who asks for a window waits; a segment takes tens of milliseconds to project.
_PATIENCE_S = 20.0

_logger = logging.getLogger(__name__)


@dataclass
class Progress:
    """How far the projections are: the last commit that is done, and from which one a model version waits."""

    commit: int = 0
    waiting: dict[str, int] = field(default_factory=dict)


class Follower(Protocol):
    """Follows what is projected; called by the projecting thread alone."""

    def resume(self) -> None:
        """Take in what the projections hold already, as far as it can be had now; called again and again."""
        ...

    def follow(self, model: ModelFacts, decisions: Decisions) -> None:
        """Take in decisions that the model version's projection has held since just now, each once."""
        ...


class Projector:
    """Projects new commits of the ledger in a thread of its own.

    Records whose bundle cannot be had wait, model version by model version, and are tried again every `retry_s`
    seconds; nothing of them is lost, since the ledger has them. Where the folder of the projections has been removed,
    everything is projected anew from the first commit. What was read is in the projections before `exclusive` is left:
    an erasure that holds it has nothing come in behind it.
    """

    def __init__(
        self,
        ledger: Ledger,
        projections: Projections,
        models: Models,
        follower: Follower,
        *,
        progress_file: Path,
        on_alert: Callable[[Alert], None],
        retry_s: float = 30.0,
        exclusive: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._ledger = ledger
        self._projections = projections
        self._models = models
        self._follower = follower
        self._progress_file = progress_file
        self._on_alert = on_alert
        self._retry_s = retry_s
        self._exclusive = exclusive
        self._progress = _read(progress_file)
        self._changed = threading.Condition()
        self._wanted = True
        self._retry_at = 0.0
        self._stopping = False
        self._awaited = 0
        self._thread = threading.Thread(target=self._run, name="projector", daemon=True)

    @property
    def commit(self) -> int:
        """Return the last commit of the ledger that is projected."""
        return self._progress.commit

    @property
    def waiting(self) -> frozenset[str]:
        """Return the model versions whose records wait for their bundle."""
        return frozenset(self._progress.waiting)

    def start(self) -> None:
        """Start following the ledger."""
        self._thread.start()

    def wake(self) -> None:
        """Tell that the ledger has grown."""
        with self._changed:
            self._wanted = True
            self._changed.notify_all()

    def wait_for(self, commit: int, model_version: str, timeout_s: float) -> bool:
        """Return whether all of a model version up to `commit` of the ledger is projected within the time.

        If its records wait for their bundle, that is tried again at once.
        """
        with self._changed:
            if model_version in self._progress.waiting:
                self._wanted, self._retry_at = True, 0.0
            self._awaited += 1
            self._changed.notify_all()
            try:
                return self._changed.wait_for(lambda: self._has(commit, model_version), timeout_s)
            finally:
                self._awaited -= 1

    def await_acknowledged(self, model_version: str, patience_s: float = _PATIENCE_S) -> None:
        """Return once all that the ledger holds of a model version now is projected.

        Raises Unavailable (PROJECTION_BEHIND) if that takes more than `patience_s`.
        """
        if not self.wait_for(self._ledger.version, model_version, patience_s):
            raise Unavailable(
                f"predictions of {model_version} are stored but cannot be read yet; try again, and look at the "
                "monitor's alerts if it stays so",
                reason="PROJECTION_BEHIND",
                metadata={"model_version": model_version},
            )

    def stop(self) -> None:
        """Stop after the step at hand."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def catch_up(self) -> None:
        """Project everything that the ledger holds now; what waits is tried again when its time has come."""
        self._retry()
        for first, last in self._spans(self._progress.commit + 1, self._ledger.version):
            started = time.monotonic()
            with self._exclusive():
                self._step(first, last)
            self._done(last)
            self._rest(time.monotonic() - started)

    def _step(self, first: int, last: int) -> None:
        for model_version, rows in self._rows_by_model(first, last):
            if model_version in self._progress.waiting:
                continue
            obstacle = self._project(model_version, rows, last)
            if obstacle is not None:
                self._progress.waiting[model_version] = first
                self._on_alert(obstacle)

    def _spans(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        return self._ledger.spans(first, last, size=_BYTES_AT_ONCE)

    def _rest(self, worked_s: float) -> None:
        """Leave the processor to the segments that arrive, which a scorer waits for, unless somebody waits for us."""
        with self._changed:
            if self._ledger.is_busy:
                self._changed.wait_for(lambda: self._stopping or self._awaited > 0, _RESTS * worked_s)

    def _has(self, commit: int, model_version: str) -> bool:
        return self._progress.commit >= commit and model_version not in self._progress.waiting

    def _retry(self) -> None:
        """Try again what waits, but not at every segment: each try reads from the ledger and asks for the bundle."""
        with self._changed:
            if time.monotonic() < self._retry_at:
                return
            self._retry_at = time.monotonic() + self._retry_s
        self._follower.resume()
        for model_version, first in sorted(self._progress.waiting.items()):
            self._try_again(model_version, first)

    def _try_again(self, model_version: str, first: int) -> None:
        for step_first, step_last in self._spans(first, self._progress.commit):
            with self._exclusive():
                for found, rows in self._rows_by_model(step_first, step_last):
                    if found == model_version and self._project(model_version, rows, step_last) is not None:
                        self._progress.waiting[model_version] = step_first
                        return
        del self._progress.waiting[model_version]
        self._done(self._progress.commit)

    def _rows_by_model(self, first: int, last: int) -> Iterator[tuple[str, pa.Table]]:
        rows = self._ledger.changes(first, last, LEDGER_COLUMNS)
        rows = rows.cast(_plain(rows.schema)).sort_by([("instance", "ascending"), ("sequence", "ascending")])
        # Calls that were not answered are no predictions of any version.
        rows = rows.filter(pc.not_equal(rows["purpose"], FAILURE))
        for model_version in sorted(pc.unique(rows["model_version"]).to_pylist()):
            yield model_version, rows.filter(pc.equal(rows["model_version"], model_version))

    def _project(self, model_version: str, rows: pa.Table, commit: int) -> Alert | None:
        """Deal with the rows, or return what makes them wait."""
        try:
            apart = self._append(model_version, rows, commit)
            self._projections.set_apart(model_version, apart, commit)
        except CounterfoilError as error:
            reason = "BUNDLE_UNAVAILABLE" if isinstance(error, Unavailable) else "BUNDLE_UNKNOWN"
            return Alert(reason, f"records wait for their bundle: {error.message}", model_version=model_version)
        except (DeltaError, pa.ArrowException, OSError) as error:
            # One model version's table must not hold up the others.
            return Alert("PROJECTION_FAILED", f"records wait for their table: {error}", model_version=model_version)
        if apart.num_rows:
            message = f"{apart.num_rows} record(s) do not fit their bundle"
            self._on_alert(Alert("RECORDS_SET_APART", message, model_version=model_version))
        return None

    def _append(self, model_version: str, rows: pa.Table, commit: int) -> pa.Table:
        """Add the rows that belong in the projection and return those to set apart, such as rows of no version."""
        if not is_numbered(model_version):
            return set_apart(rows, ["MODEL_VERSION_INVALID"] * rows.num_rows)
        model = self._models.find(model_version)
        projected, apart = project_all(rows, model)
        added = self._projections.append(model_version, projected, commit)
        self._follower.follow(model, new_decisions(added, rows, model.schema.names))
        return apart

    def _done(self, commit: int) -> None:
        state = {"commit": commit, "waiting": self._progress.waiting}
        make_folder(self._progress_file.parent)
        write_atomically(self._progress_file, json.dumps(state, sort_keys=True).encode())
        with self._changed:
            self._progress.commit = commit
            self._changed.notify_all()

    def _run(self) -> None:
        while self._due():
            try:
                self.catch_up()
            except Exception:
                # The thread is a process boundary: what stops it once (a full disk) may not stop it the next time.
                _logger.exception("projecting failed; it is tried again")

    def _due(self) -> bool:
        """Wait until there is work or it is time to retry; return False to stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._wanted or self._stopping, self._retry_s)
            self._wanted = False
            return not self._stopping


def _read(progress_file: Path) -> Progress:
    if not progress_file.exists():
        return Progress()
    state = json.loads(progress_file.read_text())
    return Progress(state["commit"], dict(state["waiting"]))


def _plain(schema: pa.Schema) -> pa.Schema:
    """Return the schema without Arrow's view types, which not every function takes."""
    plain = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary(), pa.uint64(): pa.int64()}
    return pa.schema([pa.field(field.name, plain.get(field.type, field.type)) for field in schema])
