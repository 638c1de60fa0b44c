"""The making of a drift report, in the job's process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from services.monitor.adapters.drift_runs import DriftRuns
from services.monitor.adapters.models import RegisteredModels, ReportTables
from services.monitor.adapters.report_files import ReportFiles
from services.monitor.domain.documents import compose
from services.monitor.domain.drift import (
    Comparer,
    Comparison,
    Documents,
    DriftBounds,
    DriftResult,
    Outcome,
    comparable,
    conclude,
    find_outcome,
    screen,
)
from services.monitor.domain.model import ModelFacts
from services.monitor.domain.report import ReportRequest, ReportResult, categorical
from services.monitor.settings import Settings
from shared.bundle.registry import ModelRegistry
from shared.jobs.child import JobContext, run_child
from shared.jobs.store import JobStore
from shared.logs import configure

Tell = Callable[[float, str], None]


@dataclass(frozen=True)
class Reporter:
    """What a report is made with."""

    models: RegisteredModels
    tables: ReportTables
    files: ReportFiles
    runs: DriftRuns
    comparer: Comparer
    bounds: DriftBounds

    def make(self, context: JobContext) -> str:
        """Make the report of a job, store its documents here and in MLflow, and return its result as JSON."""
        request = ReportRequest.from_json(context.job.payload)
        context.report(0.0, "reading the model")
        model = self.models.find(request.model_version)
        context.report(0.1, "reading both sides")
        current, reference = self._sides(request, model)
        result, comparison = compare(
            current,
            reference,
            comparer=self.comparer,
            model=model,
            bounds=self.bounds,
            most_drawn=request.asked.most_drawn,
            tell=context.report,
        )
        context.report(0.9, "storing the report")
        documents = compose(title(request), result, comparison)
        folder = self.files.keep(context.job.id, documents)
        run_id = self.runs.log(context.job.id, model, result, folder)
        return ReportResult(result, run_id).to_json()

    def _sides(self, request: ReportRequest, model: ModelFacts) -> tuple[pl.DataFrame, pl.DataFrame]:
        asked, columns = request.asked, request.columns
        reference = self.tables.training(model, columns, asked.max_rows)
        if asked.window is None:
            return self.tables.production(model, columns, asked.max_rows), reference
        return self.tables.window(model, asked.window, columns, asked.max_rows), reference


def compare(
    current: pl.DataFrame,
    reference: pl.DataFrame,
    *,
    comparer: Comparer,
    model: ModelFacts,
    bounds: DriftBounds,
    most_drawn: int | None,
    tell: Tell,
) -> tuple[DriftResult, Documents | None]:
    """Return what is found about each column, and the comparer's documents, None if there was nothing to compare."""
    columns = screen(current, reference, bounds)
    comparisons: Mapping[str, Comparison] = {}
    documents = None
    if find_outcome(current.height, columns, bounds) is Outcome.COMPARED:
        names = comparable(columns)
        tell(0.2, f"comparing {len(names)} columns")
        comparisons, documents = comparer.compare(
            current.select(names), reference.select(names), categorical(model, names), bounds, most_drawn
        )
    result = conclude(columns, comparisons, current_rows=current.height, reference_rows=reference.height, bounds=bounds)
    return result, documents


def title(request: ReportRequest) -> str:
    """Return the heading of a report."""
    current = "the production split" if request.asked.window is None else "logged predictions"
    return f"Drift of {current} against the training data of {request.model_version}"


def build_reporter(settings: Settings, comparer: Comparer) -> Reporter:
    """Return the reporter of a process that was started with these settings."""
    registry = ModelRegistry(settings.mlflow_uri, cache=settings.cache_folder)
    return Reporter(
        models=RegisteredModels(registry),
        tables=ReportTables(registry.fetch_split, settings.projections),
        files=ReportFiles(settings.reports_folder),
        runs=DriftRuns(settings.mlflow_uri, settings.mlflow_artifacts),
        comparer=comparer,
        bounds=settings.drift_bounds,
    )


def run(settings: Settings, argv: Sequence[str], comparer: Comparer) -> int:
    """Make the report of `JOB_ID ATTEMPT` and return the process's exit code."""
    configure("monitor-job", settings.log_level)
    return run_child(JobStore(settings.jobs_url), argv, build_reporter(settings, comparer).make)
