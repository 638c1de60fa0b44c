"""A report as it is asked for and found, and both as JSON."""

import datetime as dt
from dataclasses import replace

import pytest

from services.monitor.domain.drift import (
    ColumnDrift,
    Comparison,
    DriftBounds,
    DriftResult,
    Outcome,
    Verdict,
    choose_drawn,
)
from services.monitor.domain.report import (
    AskedReport,
    ReportRequest,
    ReportResult,
    categorical,
    check_asked,
    choose_columns,
    settle,
)
from services.monitor.domain.window import Window
from shared.errors import InvalidInput
from tests.unit.monitor.models import FEATURES, MODEL_VERSION, model_facts

NOON = dt.datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=dt.UTC)
RESULT = DriftResult(
    outcome=Outcome.COMPARED,
    reference_rows=500,
    current_rows=400,
    bounds=DriftBounds(100, 0.5),
    columns=(
        ColumnDrift("a", Verdict.DRIFTED, 0.0, 0.25, Comparison("K-S p_value", 1e-12, 0.05, drifted=True)),
        ColumnDrift("b", Verdict.EMPTY, 1.0, 0.0),
    ),
    drifted_share=1.0,
    drifted=True,
)


@pytest.mark.parametrize("window", [None, Window(), Window(7, NOON, None), Window(7, None, NOON)])
def test_a_request_survives_its_json(window: Window | None) -> None:
    """The job's process must make the report that was asked for."""
    request = ReportRequest(AskedReport("models/m/versions/champion", window, ("x",), 500), MODEL_VERSION, ("x", "y"))

    assert ReportRequest.from_json(request.to_json()) == request


def test_a_result_survives_its_json() -> None:
    """What the child found is what a caller reads."""
    result = ReportResult(RESULT, "run-1")

    assert ReportResult.from_json(result.to_json()) == result
    nothing = ReportResult(replace(RESULT, outcome=Outcome.NO_COLUMNS, drifted=None, drifted_share=None), "run-2")
    assert ReportResult.from_json(nothing.to_json()) == nothing


def test_the_heaviest_columns_are_the_default() -> None:
    """Whoever names none gets those that weigh most in the model."""
    request = settle(AskedReport("models/credit-default/versions/champion", Window()), model_facts())

    assert request.model_version == MODEL_VERSION
    assert request.columns == (FEATURES[2], FEATURES[1], FEATURES[0])


def test_no_more_than_fifty_columns_are_the_default() -> None:
    """Evidently's page grows with every column."""
    model = model_facts([f"F{place}" for place in range(60)])

    assert len(choose_columns((), model)) == 50


def test_all_columns_are_those_of_the_model_up_to_a_bound() -> None:
    """The heaviest thousand of a model that has more; names beside them would contradict."""
    model = model_facts([f"F{place}" for place in range(1_010)])
    asked = AskedReport(MODEL_VERSION, None, all_columns=True)

    columns = settle(asked, model).columns

    assert columns == model.profile.heaviest(1_000)
    with pytest.raises(InvalidInput, match="must be empty"):
        check_asked(replace(asked, columns=("F1",)))


def test_page_draws_few_columns_unless_all_of_them_are_asked_for() -> None:
    """Drifted ones first, else the heaviest."""
    found = {name: Comparison("m", 1.0, 0.5, drifted=name == "y") for name in ("x", "y", "z")}

    assert choose_drawn(found, 2) == ["y", "x"]
    assert choose_drawn(found, AskedReport(MODEL_VERSION, None, full_html=True).most_drawn) == ["y", "x", "z"]
    assert AskedReport(MODEL_VERSION, None).most_drawn == 10


def test_columns_are_refused_by_their_place() -> None:
    """The caller learns which of the names is wrong."""
    with pytest.raises(InvalidInput) as refused:
        choose_columns((FEATURES[0], "NO_SUCH", FEATURES[0]), model_facts())

    assert refused.value.reason == "UNKNOWN_COLUMN"
    assert [violation.field for violation in refused.value.violations] == ["columns[1]", "columns[2]"]


def test_every_bound_of_a_request_is_checked() -> None:
    """A caller learns of all mistakes at once."""
    with pytest.raises(InvalidInput) as refused:
        check_asked(AskedReport(MODEL_VERSION, Window(0), tuple(f"c{n}" for n in range(1_001)), max_rows=5))

    fields = [violation.field for violation in refused.value.violations]
    assert fields == ["window.last_count", "max_rows", "columns"]


def test_one_hots_are_compared_as_codes() -> None:
    """The method depends on whether a number is an amount."""
    assert categorical(model_facts(), FEATURES[:2]) == {FEATURES[1]}
