"""How well model versions do, read out of the log and the outcomes when it is asked."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from services.monitor.adapters.decided_window import DecidedWindow
from services.monitor.adapters.locations import Location
from services.monitor.adapters.outcome_table import OutcomeTable
from services.monitor.adapters.projections import projection_folder
from services.monitor.domain.asked_performance import AskedPerformance
from services.monitor.domain.assumptions import Evidence, check_assumptions
from services.monitor.domain.decided import Decided, Stakes
from services.monitor.domain.groups import compare_groups
from services.monitor.domain.measuring import measure
from services.monitor.domain.model import ModelFacts, Models
from services.monitor.domain.performance import Expected, Performance, Slice, Sliced
from services.monitor.domain.slicing import Slicing, members_of, settle_slicings
from services.monitor.drift_board import DriftBoard
from shared.turns import PATIENCE_S, Turns


def measuring_turns(*, patience_s: float = PATIENCE_S) -> Turns:
    """Return turns to measure a window; whoever waits too long for one gets Exhausted PERFORMANCE_BUSY."""
    return Turns(doing="windows are being measured", reason="PERFORMANCE_BUSY", patience_s=patience_s)


@dataclass(frozen=True)
class Performances:
    """Measures model versions on windows of their decisions.

    `await_projection` returns once what was acknowledged of a model version can be read. Two windows at a time are
    measured, so that taking in the log keeps its cores; whoever waits too long gets Exhausted PERFORMANCE_BUSY.
    """

    models: Models
    projections: Location
    outcomes: OutcomeTable
    board: DriftBoard
    await_projection: Callable[[str], None]
    turns: Turns = field(default_factory=measuring_turns)

    def measure(self, asked: AskedPerformance) -> Performance:
        """Return the figures of a window; it takes about a second for 100,000 decisions.

        Raises InvalidInput, what Models.find does, Unavailable (PROJECTION_BEHIND) and Exhausted (PERFORMANCE_BUSY).
        """
        asked.check()
        model = self.models.find(asked.model_version)
        slicings = settle_slicings(asked.slicings, model)
        with self.turns.turn():
            self.await_projection(model.model_version)
            return self._measure(asked, model, slicings)

    def _measure(self, asked: AskedPerformance, model: ModelFacts, slicings: Sequence[Slicing]) -> Performance:
        folder = projection_folder(self.projections, model.model_version)
        stakes = Stakes.from_costs(model.costs).known(model.schema.names)
        window = DecidedWindow.read(folder, asked.window, stakes, slicings)
        decided = self._labelled(window, model.model_version)
        measured = measure(decided, asked.minimum_rows)
        evidence = Evidence(measured, window.margins, model.profile.margins, self._inputs_drifted(model.model_version))
        first, last = window.span or (None, None)
        return Performance(
            model_version=model.model_version,
            window=asked.window,
            start_time=first,
            end_time=last,
            overall=measured,
            assumptions=check_assumptions(evidence),
            expected=_expected(model.metrics),
            slicings=tuple(
                _sliced(slicing, window.places(place), decided, asked.minimum_rows)
                for place, slicing in enumerate(slicings)
            ),
        )

    def _labelled(self, window: DecidedWindow, model_version: str) -> Decided:
        return window.decided(self.outcomes.labels(model_version, *window.span) if window.span else None)

    def _inputs_drifted(self, model_version: str) -> bool | None:
        """Return what the board says of the newest decisions, by the first window that could be judged."""
        verdicts = self.board.verdicts(model_version)
        return next((each.data_drifted for each in verdicts if each.data_drifted is not None), None)


def _sliced(slicing: Slicing, places: np.ndarray, decided: Decided, minimum_rows: int) -> Sliced:
    members = members_of(places, slicing.labels)
    slices = tuple(Slice(label, measure(decided.take(rows), minimum_rows)) for label, rows in members)
    return Sliced(slicing.name, slices, compare_groups(slices, slicing.reference))


def _expected(metrics: Mapping[str, float]) -> Expected:
    """Return what training found on the test split, or out of fold where there was none."""
    split = "test" if "test_auc" in metrics else "cv"
    return Expected(
        split=split,
        auc=metrics.get(f"{split}_auc"),
        cost=metrics.get(f"{split}_business_cost"),
        calibration_error=metrics.get(f"{split}_expected_calibration_error"),
        approval_rate=metrics.get(f"{split}_approval_rate"),
        bad_rate=metrics.get(f"{split}_bad_rate"),
    )
