"""`counterfoil performance` over a real channel."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from counterfoil.monitor.v1 import performance_pb2
from tests.service import cli_samples as samples
from tests.service.fake_services import FakeServices, fake_services


@pytest.fixture
def services() -> Iterator[FakeServices]:
    """Run the fake services."""
    with fake_services() as fake:
        yield fake


def test_it_shows_what_happened_and_what_is_doubtful(services: FakeServices) -> None:
    """Beside what was to be expected of the same applicants, and what training found."""
    services.answer("GetPerformance", samples.performance())

    outcome = services.run("performance")

    (request,) = services.asked("GetPerformance")
    assert (request.model_version, request.window.last_count) == ("models/credit-default/versions/champion", 5_000)
    shown = outcome.stdout
    for word in ("0.7123", "0.73 (0.71 to 0.75)", "0.81", "approved only", "DOUBTFUL", "labels unselected"):
        assert word in shown
    assert "0.75 (X to F), BELOW FOUR FIFTHS" in shown
    assert "15" in shown


def test_the_window_and_its_slices_are_passed_on(services: FakeServices) -> None:
    """Edges as numbers, and conditions on one feature together."""
    services.answer("GetPerformance", samples.performance())
    conditions = ("A>=1", "A<2.5", "A=missing", "NAME_TYPE_SUITE=Spouse, partner")
    options = (
        "--by",
        "AMT_CREDIT=1e5,2e5",
        "--by",
        "SEX",
        *(each for text in conditions for each in ("--where", text)),
    )

    services.run("performance", "credit-default/2", "--last", "10", "--since", "2026-03-01", *options)

    (request,) = services.asked("GetPerformance")
    by_edges, by_levels, bound = request.slicings
    assert request.window.start_time.ToDatetime(UTC) == datetime(2026, 3, 1, tzinfo=UTC)
    assert (by_edges.feature.name, list(by_edges.feature.edges)) == ("AMT_CREDIT", [100_000.0, 200_000.0])
    assert (by_levels.feature.name, list(by_levels.feature.edges)) == ("SEX", [])
    first, second = bound.set.conditions
    assert first == performance_pb2.SliceCondition(feature="A", minimum=1.0, maximum=2.5, levels=["missing"])
    assert (second.feature, list(second.levels)) == ("NAME_TYPE_SUITE", ["Spouse, partner"])
    assert bound.set.label == " and ".join(conditions)


@pytest.mark.parametrize(("option", "text"), [("--by", "A=x"), ("--where", "A"), ("--where", "A>=x")])
def test_what_is_no_slice_is_a_usage_error(services: FakeServices, option: str, text: str) -> None:
    """Before anything is asked."""
    outcome = services.run("performance", option, text)

    assert outcome.exit_code == 2
    assert option in outcome.stderr
    assert not services.asked("GetPerformance")


def test_an_empty_window_has_no_figures(services: FakeServices) -> None:
    """It says so, instead of a table of dashes."""
    empty = performance_pb2.Performance(model_version=samples.VERSION)
    empty.overall.withheld = True
    services.answer("GetPerformance", empty)

    shown = services.run("performance").stdout

    assert "no figure is told of so few decisions" in shown
    assert "expected of all" not in shown
