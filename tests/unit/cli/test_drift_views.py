"""What people read of drift: every outcome, every verdict, every window."""

import pytest

from counterfoil.cli.views.drift import drift_report_list_view, drift_report_view
from counterfoil.monitor.v1 import monitor_pb2
from tests.service import cli_samples as samples
from tests.unit.cli.rendered import fact, text, words

COLUMN = monitor_pb2.ColumnDrift


def _report(**fields: object) -> monitor_pb2.DriftReport:
    return monitor_pb2.DriftReport(name=samples.REPORT, job=samples.job(), model_version=samples.VERSION, **fields)  # type: ignore[arg-type]  # any field


@pytest.mark.parametrize(
    ("verdict", "words_of_it"),
    [
        (monitor_pb2.COLUMN_VERDICT_STABLE, "stable"),
        (monitor_pb2.COLUMN_VERDICT_DRIFTED, "DRIFTED"),
        (monitor_pb2.COLUMN_VERDICT_EMPTY, "no value on one side"),
        (monitor_pb2.COLUMN_VERDICT_TOO_FEW, "too few values"),
        (monitor_pb2.COLUMN_VERDICT_UNSPECIFIED, "-"),
    ],
)
def test_every_verdict_on_a_column_has_its_words(
    verdict: monitor_pb2.ColumnVerdict.ValueType, words_of_it: str
) -> None:
    """A column that could not be compared is told from one that is stable."""
    column = COLUMN(column="AMT_CREDIT", verdict=verdict, reference_missing_share=0.1, current_missing_share=0.25)

    line = words(drift_report_view(_report(column_drifts=[column])))[-1]

    # No method, figure nor bound was sent: none is made up.
    assert line == ["AMT_CREDIT", *words_of_it.split(), "-", "-", "10.0%", ">", "25.0%"]


def test_columns_keep_the_models_order_within_a_verdict() -> None:
    """Heaviest first, as the model has them; only the drifted ones are moved up."""
    drifted = monitor_pb2.COLUMN_VERDICT_DRIFTED
    columns = [
        COLUMN(column="A"),
        COLUMN(column="D", verdict=drifted),
        COLUMN(column="C"),
        COLUMN(column="B", verdict=drifted),
    ]

    lines = words(drift_report_view(_report(column_drifts=columns)))

    assert [line[0] for line in lines[-4:]] == ["D", "B", "A", "C"]


def test_figure_of_zero_is_a_figure() -> None:
    """A p-value of 0 is the strongest drift there is, not an absent one."""
    column = COLUMN(column="A", method="KS", score=0.0, bound=0.05)

    assert words(drift_report_view(_report(column_drifts=[column])))[-1][2:5] == ["KS", "0", "0.05"]


@pytest.mark.parametrize(
    ("fields", "verdict", "short"),
    [
        (
            {
                "outcome": monitor_pb2.DRIFT_OUTCOME_COMPARED,
                "drifted": False,
                "drifted_share": 0.1,
                "drifted_share_bound": 0.5,
            },
            "stable: 10.0% of columns drifted, bound 50.0%",
            "stable",
        ),
        (
            {"outcome": monitor_pb2.DRIFT_OUTCOME_WINDOW_TOO_SMALL, "current_rows": 7, "minimum_rows": 1000},
            "window too small: 7 rows, 1,000 are needed",
            "window too small",
        ),
        (
            {"outcome": monitor_pb2.DRIFT_OUTCOME_NO_COLUMNS},
            "no column could be compared",
            "no column could be compared",
        ),
        ({}, "", "-"),
    ],
    ids=["stable", "too small", "no columns", "not ended"],
)
def test_every_outcome_has_its_words(fields: dict[str, object], verdict: str, short: str) -> None:
    """Only a comparison gives a verdict; a list has its first words."""
    report = _report(**fields)

    assert fact(drift_report_view(report), "verdict") == verdict
    assert short in text(drift_report_list_view([report]))


@pytest.mark.parametrize(
    ("window", "compared"),
    [
        (monitor_pb2.PredictionWindow(last_count=5000), "newest 5,000 predictions"),
        (monitor_pb2.PredictionWindow(), "newest predictions"),
        (monitor_pb2.PredictionWindow(start_time=samples.MORNING), "newest predictions from 2027-01-15 08:00:00 UTC"),
        (
            monitor_pb2.PredictionWindow(last_count=9, end_time=samples.MORNING),
            "newest 9 predictions to 2027-01-15 08:00:00 UTC",
        ),
    ],
)
def test_window_is_told_by_the_bounds_it_has(window: monitor_pb2.PredictionWindow, compared: str) -> None:
    """A bound that was not given is not mentioned."""
    assert fact(drift_report_view(_report(window=window)), "compared") == f"{compared} with its training data"


def test_production_split_is_named_as_such() -> None:
    """It has no window."""
    report = _report(production=monitor_pb2.ProductionSplit())

    assert fact(drift_report_view(report), "compared") == "production split with its training data"
