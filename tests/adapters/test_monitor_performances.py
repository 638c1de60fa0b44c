"""What a performance is made of beside decisions: costs, training figures, drift verdicts, and a bound on callers."""

import datetime as dt
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from services.monitor.adapters.database import open_database
from services.monitor.adapters.outcome_table import OutcomeTable
from services.monitor.adapters.projection_rows import projection_schema
from services.monitor.domain.asked_performance import AskedPerformance
from services.monitor.domain.performance import Held, Performance, Premise
from services.monitor.drift_board import DriftBoard
from services.monitor.performances import Performances, measuring_turns
from shared.database import utc_now
from shared.errors import Exhausted
from shared.turns import AT_ONCE
from tests.unit.monitor.decisions import THRESHOLD, calibrated
from tests.unit.monitor.models import FEATURES, MODEL_VERSION, KnownModels, model_facts
from tests.unit.monitor.verdicts import DRIFTED, STABLE

ROWS = 2_000
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
COSTS: dict[str, float | str] = {"false_negative": 0.5, "false_positive": 0.1, "false_negative_column": FEATURES[0]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of projections with the decisions of a day; each credit is of 100."""
    folder = tmp_path_factory.mktemp("projections")
    probabilities = calibrated(ROWS, seed=51).probabilities
    rows = pl.DataFrame(
        {
            "prediction_id": [f"p-{place}" for place in range(ROWS)],
            "applicant_id": None,
            "application_number": None,
            "create_time": [START + dt.timedelta(seconds=place) for place in range(ROWS)],
            "day": START.date(),
            "purpose": "DECISION",
            "probability": probabilities,
            "margin": np.log(probabilities / (1 - probabilities)),
            "decision": np.where(probabilities < THRESHOLD, "APPROVE", "REFUSE"),
            "as_of_date": None,
            "instance": "spool-1",
            "sequence": range(1, ROWS + 1),
            **dict.fromkeys(FEATURES, 100.0),
        }
    )
    table = pa.table(rows.to_arrow().cast(projection_schema(FEATURES)))
    write_deltalake(folder / "credit-default" / "1", table, partition_by=["day"])
    return folder


@pytest.fixture
def performances(folder: Path, tmp_path: Path) -> Iterator[Performances]:
    """Return what measures the decisions, its costs in a feature that is logged."""
    database = open_database(f"sqlite:///{tmp_path / 'monitor.db'}")
    models = KnownModels(replace(model_facts(), costs=COSTS, metrics={"cv_auc": 0.7, "test_brier": 0.1}))
    table = OutcomeTable(database, utc_now)
    yield Performances(models, folder, table, DriftBoard(), lambda _: None, measuring_turns(patience_s=0.0))
    database.close()


def inputs(performance: Performance) -> Held:
    """Return what is found of the premise that the inputs are stable."""
    return next(each.held for each in performance.assumptions if each.premise is Premise.INPUTS_STABLE)


def test_costs_are_shares_of_what_was_at_stake(performances: Performances) -> None:
    """In each applicant's own money; where the feature is not logged no cost can be told."""
    probabilities = calibrated(ROWS, seed=51).probabilities
    approved = probabilities < THRESHOLD
    unlogged = KnownModels(replace(model_facts(), costs={**COSTS, "false_negative_column": "AMT_GOODS_PRICE"}))

    known = performances.measure(AskedPerformance(MODEL_VERSION)).overall.estimated
    unknown = replace(performances, models=unlogged).measure(AskedPerformance(MODEL_VERSION)).overall.estimated

    assert known is not None
    assert known.cost is not None
    assert unknown is not None
    assert known.cost.value == pytest.approx(np.where(approved, 50 * probabilities, 0.1 * (1 - probabilities)).mean())
    assert (known.cost_rows, unknown.cost, unknown.cost_rows) == (ROWS, None, 0)


def test_training_figures_are_of_one_split(performances: Performances) -> None:
    """Out of fold where there was no test split; what was not recorded is not told."""
    expected = performances.measure(AskedPerformance(MODEL_VERSION)).expected

    assert (expected.split, expected.auc, expected.cost) == ("cv", 0.7, None)


def test_the_drift_verdict_says_whether_inputs_are_stable(performances: Performances) -> None:
    """The newest one there is."""
    before = inputs(performances.measure(AskedPerformance(MODEL_VERSION)))
    performances.board.post([STABLE])
    stable = inputs(performances.measure(AskedPerformance(MODEL_VERSION)))
    performances.board.post([DRIFTED])
    drifted = inputs(performances.measure(AskedPerformance(MODEL_VERSION)))

    assert (before, stable, drifted) == (Held.NOT_CHECKED, Held.HOLDS, Held.DOUBTFUL)


def test_only_so_many_measure_at_once(performances: Performances) -> None:
    """Others are told to come back, and can once one is done."""
    with ExitStack() as others:
        for _ in range(AT_ONCE - 1):
            others.enter_context(performances.turns.turn())
        with performances.turns.turn(), pytest.raises(Exhausted) as refusal:
            performances.measure(AskedPerformance(MODEL_VERSION))

        assert refusal.value.reason == "PERFORMANCE_BUSY"
        assert performances.measure(AskedPerformance(MODEL_VERSION)).overall.rows == ROWS
