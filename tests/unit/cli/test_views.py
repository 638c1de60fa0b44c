"""What views promise beyond the commands' tests: figures, columns that are absent, the best of a line."""

from google.protobuf.timestamp_pb2 import Timestamp

from counterfoil.cli.views.layout import facts, identifier, listing, moment, short_version, stacked
from counterfoil.cli.views.metrics import by_split, compared, metrics_table
from tests.unit.cli.rendered import words


def test_facts_leave_out_what_is_not_known() -> None:
    """An empty value would look like a fact."""
    assert words(facts([("a", "1"), ("b", "")])) == [["a", "1"]]


def test_text_is_shown_as_it_is() -> None:
    """Brackets in a name are no markup."""
    assert ["[bold]x[/bold]"] in words(listing(("column",), [("[bold]x[/bold]",)]))


def test_stacked_leaves_out_absent_parts() -> None:
    """A view names its parts once, whether there are any or not."""
    assert words(stacked("a", None, "b")) == [["a"], ["b"]]


def test_moments_are_utc_and_absent_ones_empty() -> None:
    """1970 is never meant."""
    assert moment(Timestamp(seconds=1_800_000_000, nanos=5)) == "2027-01-15 08:00:00 UTC"
    assert moment(Timestamp()) == ""


def test_names_are_shortened_to_what_can_be_typed() -> None:
    """A version keeps its model, anything else its identifier."""
    assert short_version("models/credit-default/versions/2") == "credit-default/2"
    assert identifier("datasets/ds-1") == "ds-1"


def test_metrics_start_with_what_a_lender_asks_first() -> None:
    """Cost and ranking stand on top, the rest follows by name, an absent figure is shown as absent."""
    lines = words(metrics_table([("cv", {"zeta": 1.0, "auc": 0.7}), ("test", {"business_cost": 0.5})], title="t"))

    assert [line[0] for line in lines[3:]] == ["business_cost", "auc", "zeta"]
    assert lines[3] == ["business_cost", "-", "0.5000"]


def test_metrics_are_split_by_their_prefix() -> None:
    """Splits without a metric are left out."""
    metrics = {"cv_auc": 0.7, "test_auc": 0.6, "other": 1.0}

    assert by_split(metrics, ("cv", "train", "test")) == [("cv", {"auc": 0.7}), ("test", {"auc": 0.6})]


def test_best_of_a_line_is_the_lowest_cost_and_the_highest_ranking() -> None:
    """Where neither is better, or only one is known, nothing is marked."""
    dummy = {"test_business_cost": 0.8, "test_auc": 0.5, "test_recall": 0.0, "test_brier": 0.2}
    model = {"test_business_cost": 0.6, "test_auc": 0.7, "test_recall": 0.6}

    lines = words(compared([("dummy", dummy), ("m", model)], title="t"))

    assert ["test_business_cost", "0.8000", "0.6000", "*"] in lines
    assert ["test_auc", "0.5000", "0.7000", "*"] in lines
    assert ["test_recall", "0.0000", "0.6000"] in lines
    assert ["test_brier", "0.2000", "-"] in lines
