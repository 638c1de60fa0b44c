"""Decides again on logged decisions with a challenger's bundle; it needs the libraries of its model."""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.monitor.adapters.decided_window import DecidedWindow
from services.monitor.adapters.locations import Location
from services.monitor.adapters.outcome_table import OutcomeTable
from services.monitor.adapters.projections import projection_folder
from services.monitor.adapters.windows import window_batches
from services.monitor.domain.challenger import (
    AskedComparison,
    ChallengerComparison,
    costs_of,
    decide_again,
    pairs_of,
)
from services.monitor.domain.decided import Stakes
from services.monitor.domain.model import split_name
from shared.bundle.reading import Bundle, load_bundle
from shared.bundle.registry import ModelRegistry


@dataclass(frozen=True)
class Challenging:
    """Where logged decisions, their outcomes and bundles are found."""

    registry: ModelRegistry
    projections: Location
    outcomes: OutcomeTable

    def compare(self, asked: AskedComparison) -> ChallengerComparison:
        """Return how the challenger would have decided.

        Raises what ModelRegistry and load_bundle do, and Unavailable for the monitor's database.
        """
        version, challenger = self._bundle(asked.model_version), self._bundle(asked.challenger)
        logged, lacking = _columns(challenger, version)
        stakes = Stakes.from_costs(version.costs).known(version.schema.names)
        folder = projection_folder(self.projections, asked.model_version)
        columns = [*DecidedWindow.columns(stakes), *logged]
        pieces = list(window_batches(folder, asked.window, list(dict.fromkeys(columns)), asked.max_rows))
        if not pieces:
            return ChallengerComparison(0, None, None, lacking, (), ())
        window = DecidedWindow.of(pieces, stakes)
        decided = window.decided(self.outcomes.labels(asked.model_version, *window.span) if window.span else None)
        values = _values(pl.concat(pieces).sort("create_time", "prediction_id"), challenger, logged)
        _, probabilities = challenger.predict(values)
        again = decide_again(decided, probabilities, challenger.threshold)
        first, last = window.span or (None, None)
        return ChallengerComparison(
            decided.rows, first, last, lacking, tuple(pairs_of(decided, again)), tuple(costs_of(decided, again))
        )

    def _bundle(self, model_version: str) -> Bundle:
        registered = self.registry.resolve(*split_name(model_version, field="model_version"))
        return load_bundle(self.registry.fetch_bundle(registered), digest=registered.bundle_digest)


def _columns(challenger: Bundle, version: Bundle) -> tuple[list[str], tuple[str, ...]]:
    """Return the challenger's features that are logged, and those that are not."""
    known = frozenset(version.schema.names)
    logged = [name for name in challenger.schema.names if name in known]
    return logged, tuple(name for name in challenger.schema.names if name not in known)


def _values(rows: pl.DataFrame, challenger: Bundle, logged: list[str]) -> NDArray[np.float64]:
    """Return the rows as the challenger takes them, (n_rows, n_features), NaN where missing or not logged."""
    values = np.full((rows.height, len(challenger.schema.names)), np.nan)
    for name in logged:
        values[:, challenger.schema.names.index(name)] = rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    return values
