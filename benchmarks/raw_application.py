"""How long a raw application takes from request to recorded answer: `python -m benchmarks.raw_application`.

A model of 300 trees on all reference features of synthesized applicants is served by a real scorer on loopback, its
spool on disk. Applicants with a history of at least 5 bureau loans (their balances with them), 5 previous applications
and 60 instalments are asked about one after another. Prints the times by feature set, and exits 1 above the bar.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import lightgbm
import numpy as np
import polars as pl
from google.protobuf.message import Message

from counterfoil.scorer.v1 import scorer_pb2
from counterfoil.types.v1 import prediction_pb2
from services.trainer.domain.describing import described
from shared.bundle.calibration import Calibrator
from shared.bundle.lightgbm_model import LightGbmModel
from shared.bundle.profile import fit_profile
from shared.bundle.schema import FeatureSchema
from shared.bundle.writing import BundleContents, DatasetReference, write_bundle
from shared.features.building import build_features
from shared.features.columns import feature_columns
from shared.features.levels import fit_levels
from shared.features.sets import SPECIFICATIONS, FeatureSet
from shared.features.specification import TARGET
from shared.tables.reading import open_tables
from shared.tables.synthesizing import synthesize
from tests.bundles import MODEL, TinyBundle
from tests.fakes import FakeRegistry
from tests.service.scoring import scorer
from tests.unit.features.applicant_rows import ApplicantRows, applicant_rows

APPLICANTS = 3_000
LEAST_ROWS = {"bureau": 5, "previous_application": 5, "installments_payments": 60}
CALLS = 300
BAR_MS = 15.0

Tables = Mapping[str, pl.LazyFrame]


def main() -> int:
    """Measure both feature sets and return the exit code, that of the reference set."""
    with tempfile.TemporaryDirectory() as name:
        synthesize(Path(name) / "tables", applicants=APPLICANTS, seed=1)
        tables = dict(open_tables(Path(name) / "tables").frames)
        medians = {each: measure(tables, each, Path(name) / each.value) for each in reversed(FeatureSet)}
    print(f"raw_application p50 {medians[FeatureSet.REFERENCE]:.2f} ms (bar ≤ {BAR_MS:.0f})")
    return int(medians[FeatureSet.REFERENCE] > BAR_MS)


def measure(tables: Tables, feature_set: FeatureSet, folder: Path) -> float:
    """Return the median time of a call in milliseconds."""
    bundle = served(tables, feature_set, folder)
    registry = FakeRegistry()
    registry.register(bundle, alias="champion")
    requests = [request_of(rows) for rows in with_history(tables)]
    with scorer(folder / "state", registry) as running:
        times = []
        for call in range(CALLS):
            started = time.perf_counter()
            running.stub.Score(requests[call % len(requests)])
            times.append((time.perf_counter() - started) * 1e3)
    median, slow = statistics.median(times), sorted(times)[len(times) * 99 // 100]
    size = np.mean([request.ByteSize() for request in requests]) / 1e3
    print(f"{feature_set}: {len(requests)} applicants, {size:.1f} kB each: p50 {median:.2f} ms, p99 {slow:.2f} ms")
    return median


def served(tables: Tables, feature_set: FeatureSet, folder: Path) -> TinyBundle:
    """Return a bundle of a model on every feature of the set."""
    specification = SPECIFICATIONS[feature_set]
    levels = fit_levels(tables, specification)
    schema = FeatureSchema(tuple(described(column) for column in feature_columns(levels, specification)))
    frame = build_features(tables, levels, specification).frame.filter(pl.col(TARGET).is_not_null())
    values = frame.select(schema.names).fill_null(float("nan")).to_numpy()
    parameters = {"objective": "binary", "num_leaves": 8, "feature_fraction": 0.1, "verbosity": -1, "seed": 1}
    booster = lightgbm.train(parameters, lightgbm.Dataset(values, frame[TARGET].to_numpy()), 300)
    model = LightGbmModel.from_text(booster.model_to_string())
    contents = BundleContents(
        model_name=MODEL,
        classifier="lightgbm",
        training_job="trainingJobs/benchmark",
        schema=schema,
        cleaning={},
        model=model,
        calibrator=Calibrator("sigmoid", slope=1.0, intercept=0.0),
        threshold=0.1,
        costs={"false_negative": 10.0, "false_positive": 1.0},
        dataset=DatasetReference("ds-benchmark", "0" * 64, "1", "1", {}),
        profile=fit_profile(values, model.contributions(values), schema.names),
        golden_values=values[:8],
        metrics={},
        library_versions={},
        raw_features={"set": feature_set.value, "levels": levels.to_json()},
    )
    digest = write_bundle(folder / "bundle", contents)
    return TinyBundle(folder / "bundle", digest, contents, {}, (), values)


def with_history(tables: Tables) -> Iterator[ApplicantRows]:
    """Yield the applicants of the unlabelled table with a history of a realistic size."""
    clients = tables["application_test"].select("SK_ID_CURR").collect()["SK_ID_CURR"].to_list()
    for rows in applicant_rows(tables, clients).values():
        if all(len(rows.history.get(table, ())) >= least for table, least in LEAST_ROWS.items()):
            yield rows


def request_of(rows: ApplicantRows) -> scorer_pb2.ScoreRequest:
    """Return the request about an applicant."""
    request = scorer_pb2.ScoreRequest(purpose=prediction_pb2.PURPOSE_TEST)
    raw = request.subject.raw
    fill(raw.application, rows.application)
    for loan in rows.history.get("bureau", ()):
        message = raw.history.bureau.add()
        fill(message, loan)
        for balance in rows.history.get("bureau_balance", ()):
            if balance["SK_ID_BUREAU"] == loan["SK_ID_BUREAU"]:
                fill(message.balances.add(), balance)
    for table, fields in (
        ("previous_application", raw.history.previous_application),
        ("POS_CASH_balance", raw.history.pos_cash_balance),
        ("installments_payments", raw.history.installments_payments),
        ("credit_card_balance", raw.history.credit_card_balance),
    ):
        for row in rows.history.get(table, ()):
            fill(fields.add(), row)
    return request


def fill(message: Message, row: Mapping[str, float | str | None]) -> None:
    """Set the fields that the row has values of."""
    for column, value in row.items():
        if value is not None and column.lower() in message.DESCRIPTOR.fields_by_name:
            setattr(message, column.lower(), value)


if __name__ == "__main__":
    sys.exit(main())
