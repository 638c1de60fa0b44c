"""What was logged: one prediction with all that is stored about it, lists of them, and what persons decided instead."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.fragments import read_anew
from services.monitor.adapters.locations import Location
from services.monitor.adapters.outcome_table import OutcomeTable
from services.monitor.adapters.overrides import Overrides
from services.monitor.adapters.prediction_pages import Page, read_page, window_start
from services.monitor.adapters.projections import projection_folder
from services.monitor.adapters.records import LedgerRecords, StoredRecord
from services.monitor.domain.model import Models, is_numbered
from services.monitor.domain.outcome import Outcome
from services.monitor.domain.override import Override, OverrideWish
from services.monitor.domain.prediction import Bounds, PredictionFilter, PredictionName
from services.monitor.domain.window import Window
from services.monitor.page_tokens import decode_bounds, encode_bounds
from shared.bundle.schema import FeatureSchema
from shared.errors import CounterfoilError, NotFound, Precondition
from shared.prediction_record.chunks import chunk_answers, chunk_values

BUNDLE_MISMATCH = "BUNDLE_MISMATCH"


@dataclass(frozen=True)
class Told:
    """What is about one subject: of a chunk, about one of its rows; `values` are the inputs, NaN where one is missing.

    Of a chunk as a whole nothing is told. Once it is erased, `values` are empty and the applicant is not named.
    """

    probability: float = 0.0
    margin: float = 0.0
    decision: int = prediction_pb2.DECISION_UNSPECIFIED
    applicant_id: str = ""
    values: Sequence[float] = ()


@dataclass(frozen=True)
class Found:
    """A prediction with its overrides, oldest first, and its outcomes, the one that counts first.

    `schema` names its features; where it cannot be had it is None, and `names_missing_reason` says why.
    """

    name: PredictionName
    told: Told
    record: StoredRecord
    decision: prediction_pb2.DecisionPart
    overrides: list[Override]
    outcomes: list[Outcome]
    schema: FeatureSchema | None
    names_missing_reason: str


@dataclass(frozen=True)
class Listed:
    """A row of a list, by column of the projection, with the last override if there is one."""

    name: PredictionName
    row: dict[str, Any]
    override: Override | None


class Predictions:
    """Finds, lists and overrides what was logged. `model_versions` tells of which versions there may be predictions."""

    def __init__(
        self,
        records: LedgerRecords,
        projections: Location,
        overrides: Overrides,
        models: Models,
        *,
        outcomes: OutcomeTable,
        model_versions: Callable[[], Iterable[str]],
    ) -> None:
        self._records = records
        self._projections = projections
        self._overrides = overrides
        self._outcomes = outcomes
        self._models = models
        self._model_versions = model_versions

    def get(self, name: PredictionName) -> Found:
        """Return one prediction; raises NotFound (PREDICTION_NOT_FOUND)."""
        record, decision = self._find(name)
        told = _told(name, record, decision)
        schema, reason = self._schema(decision)
        overrides = self._overrides.of([name]).get(name, [])
        return Found(name, told, record, decision, overrides, self._outcomes.history(name), schema, reason)

    def list(self, wanted: PredictionFilter, *, page_size: int, position: str) -> tuple[list[Listed], str]:
        """Return a page of what matches, newest first, and the position to go on at: "" on the last page.

        Raises InvalidInput for a position of another list.
        """
        bounds = decode_bounds(position, wanted) if position else self._first_bounds(wanted)
        if bounds is None:
            return [], ""
        page = self._page(wanted, bounds, page_size)
        names = [PredictionName(row["model_version"], row["prediction_id"]) for row in page.rows]
        overrides = self._overrides.of(names)
        rows = [
            Listed(name, row, overrides[name][-1] if name in overrides else None)
            for name, row in zip(names, page.rows, strict=True)
        ]
        return rows, encode_bounds(Bounds(page.next, bounds.first), wanted) if page.next is not None else ""

    def override(self, wish: OverrideWish) -> Override:
        """Record what a person decided.

        Raises NotFound (PREDICTION_NOT_FOUND), Precondition (NOT_A_DECISION) for a prediction that no decision depends
        on, and what Overrides.record does.
        """
        record, decision = self._find(wish.prediction)
        _told(wish.prediction, record, decision)
        if decision.purpose != prediction_pb2.PURPOSE_DECISION:
            raise Precondition(
                f"{wish.prediction} was not scored for a decision, so there is none to override",
                reason="NOT_A_DECISION",
                metadata={"prediction": str(wish.prediction)},
            )
        return self._overrides.record(wish)

    def _find(self, name: PredictionName) -> tuple[StoredRecord, prediction_pb2.DecisionPart]:
        record = read_anew(lambda: self._records.find(name))
        if record is None:
            raise _absent(name)
        return record, prediction_pb2.DecisionPart.FromString(record.decision_part)

    def _schema(self, decision: prediction_pb2.DecisionPart) -> tuple[FeatureSchema | None, str]:
        """Return the schema of the bundle that answered, else the reason for which it cannot be had."""
        try:
            model = self._models.find(decision.model_version)
        except CounterfoilError as error:
            return None, error.reason
        if model.bundle_digest != decision.bundle_digest:
            return None, BUNDLE_MISMATCH
        return model.schema, ""

    def _first_bounds(self, wanted: PredictionFilter) -> Bounds | None:
        """Return the bounds of a list's first page, None if nothing can match."""
        if wanted.window is None:
            return Bounds()
        folder = projection_folder(self._projections, wanted.model_version)
        window, count = _in_window(wanted, wanted.window, narrowed=False), wanted.window.last_count
        first = read_anew(lambda: window_start(folder, window, count))
        return Bounds(first=first) if first is not None else None

    def _page(self, wanted: PredictionFilter, bounds: Bounds, page_size: int) -> Page:
        versions = [wanted.model_version] if wanted.model_version else filter(is_numbered, self._model_versions())
        folders = {version: projection_folder(self._projections, version) for version in versions}
        matching = wanted if wanted.window is None else _in_window(wanted, wanted.window, narrowed=True)
        return read_anew(lambda: read_page(folders, matching, bounds, page_size))


def _told(name: PredictionName, record: StoredRecord, decision: prediction_pb2.DecisionPart) -> Told:
    """Return what is told about the subject of that name; raises NotFound (PREDICTION_NOT_FOUND) if it has none."""
    personal = prediction_pb2.PersonalPart.FromString(record.personal_part)
    if decision.HasField("chunk"):
        return Told() if name.position is None else _told_of_row(name, decision.chunk, personal)
    if name.position is not None:
        raise _absent(name)
    return Told(decision.probability, decision.margin, decision.decision, personal.applicant_id, personal.values)


def _told_of_row(
    name: PredictionName, chunk: prediction_pb2.ChunkDecisions, personal: prediction_pb2.PersonalPart
) -> Told:
    answers = chunk_answers(chunk)
    rows = len(answers.positions)
    row = int(np.searchsorted(answers.positions, name.position or 0))
    if row == rows or answers.positions[row] != name.position:
        raise _absent(name)
    subjects = personal.chunk
    n_features = len(subjects.values) // 8 // rows
    values = chunk_values(subjects, rows=rows, columns=n_features)[row].tolist() if n_features else []
    return Told(
        float(answers.probabilities[row]),
        float(answers.margins[row]),
        int(answers.decisions[row]),
        subjects.applicant_ids[row] if subjects.applicant_ids else "",
        values,
    )


def _absent(name: PredictionName) -> NotFound:
    return NotFound(
        f"the log holds no {name}; what was scored moments ago may still be on its way",
        reason="PREDICTION_NOT_FOUND",
        metadata={"prediction": str(name)},
    )


def _in_window(wanted: PredictionFilter, window: Window, *, narrowed: bool) -> PredictionFilter:
    """Return the filter of a window's rows, `narrowed` by what else is wanted of them."""
    return PredictionFilter(
        model_version=wanted.model_version,
        start_time=window.start_time,
        end_time=window.end_time,
        purposes=frozenset({"DECISION"}),
        decisions=wanted.decisions if narrowed else frozenset(),
        applicant_id=wanted.applicant_id if narrowed else "",
        application_number=wanted.application_number if narrowed else "",
    )
