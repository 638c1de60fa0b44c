"""What people read of a drift status: every window, what drifted in it, and the newest report."""

import pytest

from counterfoil.cli.views.drift_status import drift_status_view
from counterfoil.monitor.v1 import monitor_pb2
from tests.service import cli_samples as samples
from tests.unit.cli.rendered import fact, text, words


@pytest.mark.parametrize(("drifted", "word"), [(True, "DRIFTED"), (False, "stable")])
def test_status_names_the_newest_report(*, drifted: bool, word: str) -> None:
    """Whoever reads it can open the report."""
    status = monitor_pb2.DriftStatus(
        model_version=samples.VERSION,
        drifted=drifted,
        drifted_share=0.25,
        drift_report=samples.REPORT,
        report_time=samples.MORNING,
    )

    shown = fact(drift_status_view(status), "newest report")

    assert shown == f"{word}, 25.0% of columns drifted: {samples.REPORT} of 2027-01-15 08:00:00 UTC"


def test_status_without_a_report_or_windows_claims_nothing() -> None:
    """Nothing known is no good news."""
    shown = drift_status_view(monitor_pb2.DriftStatus(model_version=samples.VERSION))

    assert fact(shown, "newest report") == "none yet"
    assert fact(shown, "newest prediction") == ""
    assert "stable" not in text(shown)


def test_report_that_could_compare_nothing_is_told_as_such() -> None:
    """It is no verdict."""
    status = monitor_pb2.DriftStatus(
        model_version=samples.VERSION, drift_report=samples.REPORT, report_time=samples.MORNING
    )

    assert fact(drift_status_view(status), "newest report").startswith("could compare nothing: ")


def test_status_that_has_not_changed_shows_nothing_but_its_etag() -> None:
    """The monitor then sends the etag alone: "0 predictions" would be wrong."""
    assert words(drift_status_view(monitor_pb2.DriftStatus(etag="e1"))) == [["etag", "e1"]]


def test_each_window_has_a_line_and_its_drifted_features_a_table() -> None:
    """With every figure that a person would ask for next."""
    shown = text(drift_status_view(samples.drift_status()))

    assert "LAST_COUNT" not in shown
    assert words_after(shown, "last_count") == ["5,300", "2027-01-15", "08:00:00", "UTC", "DRIFTED:", "1", "of", "6"]
    assert words_after(shown, "last_hours")[-4:] == ["fewer", "than", "100", "-"]
    assert words_after(shown, "AMT_CREDIT")[:7] == ["values,", "missing", "40.0%", "0.25", "0.17", "0.4", "1e-12"]
    assert words_after(shown, "EXT_SOURCE_2") == ["1", "0.7", "1e-09"]


def words_after(shown: str, first: str) -> list[str]:
    """Return up to eight words behind the first one of a line, of the last line that begins with it."""
    lines = [line.split() for line in shown.splitlines()]
    return [line for line in lines if line[:1] == [first]][-1][1:9]
