"""Model versions and their data, as MLflow's registry has them."""

import datetime as dt
from collections.abc import Callable, Sequence
from pathlib import Path

import polars as pl

from services.monitor.adapters.locations import Location
from services.monitor.adapters.projections import projection_folder
from services.monitor.adapters.windows import read_window
from services.monitor.domain.model import ModelFacts, join_name, split_name
from services.monitor.domain.window import Window, sample_positions
from shared.bundle.dataset import DatasetReference
from shared.bundle.facts import read_facts
from shared.bundle.registry import ModelRegistry, RegisteredVersion


class RegisteredModels:
    """Finds model versions in the registry; what was found once is remembered, since a version never changes."""

    def __init__(self, registry: ModelRegistry) -> None:
        self._registry = registry
        self._found: dict[str, ModelFacts] = {}

    def find(self, model_version: str) -> ModelFacts:
        """Return the facts of models/{model}/versions/{n or alias}; an alias is looked up each time.

        Raises what ModelRegistry.resolve and fetch_bundle do, and Precondition if the bundle is refused.
        """
        known = self._found.get(model_version)
        if known is not None:
            return known
        model, version = split_name(model_version, field="model_version")
        registered = self._registry.resolve(model, version)
        name = join_name(model, str(registered.version))
        if name not in self._found:
            self._found[name] = self._read(name, registered)
        return self._found[name]

    def promoted_at(self, model_version: str) -> dt.datetime | None:
        """Return when an alias was last pointed to models/{model}/versions/{n}; looked up each time.

        Raises what ModelRegistry.promoted_at does.
        """
        return self._registry.promoted_at(*split_name(model_version, field="model_version"))

    def _read(self, name: str, registered: RegisteredVersion) -> ModelFacts:
        facts = read_facts(self._registry.fetch_bundle(registered), digest=registered.bundle_digest)
        manifest = facts.manifest
        return ModelFacts(
            model_version=name,
            bundle_digest=facts.digest,
            schema=facts.schema,
            profile=facts.profile,
            dataset=manifest.dataset,
            costs=manifest.costs,
            metrics=manifest.metrics,
        )


class ReportTables:
    """The two sides of a drift report: (n_rows, n_columns) float64, a missing value is null, never NaN or infinite.

    `fetch_split` returns the file of a data set's split, as ModelRegistry.fetch_split does.
    """

    def __init__(self, fetch_split: Callable[[DatasetReference, str], Path], projections: Location) -> None:
        self._fetch_split = fetch_split
        self._projections = projections

    def training(self, model: ModelFacts, columns: Sequence[str], max_rows: int) -> pl.DataFrame:
        """Return at most `max_rows` rows of the training split, drawn with a fixed seed."""
        return self._split(model, "train", columns, max_rows)

    def production(self, model: ModelFacts, columns: Sequence[str], max_rows: int) -> pl.DataFrame:
        """Return at most `max_rows` rows of the production split, drawn with a fixed seed."""
        return self._split(model, "production", columns, max_rows)

    def window(self, model: ModelFacts, window: Window, columns: Sequence[str], max_rows: int) -> pl.DataFrame:
        """Return at most `max_rows` rows of the logged decisions in a window, drawn with a fixed seed."""
        return read_window(projection_folder(self._projections, model.model_version), window, columns, max_rows)

    def _split(self, model: ModelFacts, split: str, columns: Sequence[str], max_rows: int) -> pl.DataFrame:
        path = self._fetch_split(model.dataset, split)
        drawn = pl.Series(sample_positions(model.dataset.splits[split].rows, max_rows)).cast(pl.UInt32)
        rows = pl.scan_parquet(path).select(columns).with_row_index("row of split").cast({"row of split": pl.UInt32})
        kept = rows.filter(pl.col("row of split").is_in(drawn.implode())).drop("row of split")
        finite = kept.select(pl.when(pl.col(column).is_finite()).then(pl.col(column)) for column in columns)
        return finite.cast(pl.Float64).collect(engine="streaming")
