"""Models are held against the dummy at their own costs, and the cheapest comes first."""

from collections.abc import Mapping

import pytest

from services.trainer.domain.comparison import ComparedRun, cheapest_first


def _run(name: str, metrics: Mapping[str, float]) -> ComparedRun:
    return ComparedRun(f"tj-{name}", name, "lightgbm", (), 0.1, metrics, "run")


def test_cost_is_told_as_a_share_of_the_dummys() -> None:
    """By split."""
    metrics = {"test_business_cost": 0.6, "test_dummy_business_cost": 0.8, "cv_business_cost": 1.0}
    metrics |= {"cv_dummy_business_cost": 0.5, "train_dummy_business_cost": 0.8}

    assert _run("a", metrics).relative_costs == {"test": pytest.approx(0.75), "cv": pytest.approx(2.0)}


@pytest.mark.parametrize("dummy", [{}, {"test_dummy_business_cost": 0.0}])
def test_cost_beside_a_dummy_that_costs_nothing_is_not_told(dummy: Mapping[str, float]) -> None:
    """An earlier release did not compute it; no defaults in a split make it zero."""
    assert _run("a", {"test_business_cost": 0.6, **dummy}).relative_costs == {}


def test_cheapest_comes_first_whatever_its_currency() -> None:
    """A model tuned for amounts of credit costs more in figures and may still save more."""
    credit = _run("credit", {"test_business_cost": 900.0, "test_dummy_business_cost": 2000.0})
    plain = _run("plain", {"test_business_cost": 0.6, "test_dummy_business_cost": 0.8})
    untested = _run("untested", {"cv_business_cost": 0.5, "cv_dummy_business_cost": 0.8})
    unknown = _run("unknown", {"test_business_cost": 0.1})

    ordered = cheapest_first([unknown, untested, plain, credit])

    assert [run.version for run in ordered] == ["credit", "untested", "plain", "unknown"]
