"""What a report's documents say beside the method's own."""

import json
from dataclasses import replace

from services.monitor.domain.documents import compose
from services.monitor.domain.drift import ColumnDrift, Documents, DriftBounds, DriftResult, Outcome, Verdict
from tests.unit.monitor.test_report import RESULT

EVIDENTLY = Documents(html='<html><body class="x"><p>plots</p></body></html>', json='{"metrics": [1]}', drawn=("a",))
SMALL = DriftResult(
    outcome=Outcome.WINDOW_TOO_SMALL,
    reference_rows=500,
    current_rows=7,
    bounds=DriftBounds(100, 0.5),
    columns=(ColumnDrift("<script>", Verdict.TOO_FEW, 0.0, 0.5),),
)


def test_the_page_names_what_could_not_be_compared_above_the_plots() -> None:
    """A column that is missing from the plots must not look as if nobody had thought of it."""
    page = compose("Drift of m", RESULT, EVIDENTLY).html

    section = page.index('<section id="counterfoil"')
    assert page.index('<body class="x">') < section < page.index("<p>plots</p>")
    assert "Drift was found: 100.0% of the compared columns" in page
    assert "<td>b</td><td>no value at all on one of the two sides</td><td>100.0%</td>" in page


def test_page_that_draws_only_some_columns_has_the_figures_of_all() -> None:
    """What is not drawn must not be missed."""
    undrawn = compose("Drift of m", RESULT, replace(EVIDENTLY, drawn=())).html
    drawn = compose("Drift of m", RESULT, EVIDENTLY).html

    assert "1 columns were compared; the page below draws 0 of them" in undrawn
    assert "<td>a</td><td>DRIFTED</td>" in undrawn
    assert "the page below draws" not in drawn


def test_the_json_holds_the_methods_own_document_beside_ours() -> None:
    """Machines get both: the verdicts and how they came about."""
    document = json.loads(compose("Drift of m", RESULT, EVIDENTLY).json)

    assert document["comparison"] == {"metrics": [1]}
    assert document["report"]["outcome"] == "COMPARED"
    assert [column["verdict"] for column in document["report"]["columns"]] == ["DRIFTED", "EMPTY"]


def test_a_window_that_is_too_small_has_documents_too() -> None:
    """A report that compared nothing is read like any other."""
    documents = compose("Drift of m", SMALL, None)

    assert "fewer than 100 rows" in documents.html
    assert documents.html.startswith("<!DOCTYPE html>")
    assert json.loads(documents.json)["comparison"] is None


def test_no_name_can_put_markup_into_the_page() -> None:
    """Names come from data sets."""
    page = compose("a <b> title", SMALL, None).html

    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "a &lt;b&gt; title" in page
