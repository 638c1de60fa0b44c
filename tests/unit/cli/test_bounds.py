"""Ranges of metrics as people write them."""

import click
import pytest

from counterfoil.cli.bounds import parse_bounds


def test_both_sides_of_a_metric_are_one_range() -> None:
    """A side that nobody named stays open, also beside a bound of zero."""
    auc, cost = parse_bounds(["test_auc = 0.7", "test_business_cost=0"], ["test_auc=0.8"])

    assert (auc.metric, auc.minimum, auc.maximum) == ("test_auc", 0.7, 0.8)
    assert (cost.HasField("minimum"), cost.HasField("maximum")) == (True, False)


@pytest.mark.parametrize("text", ["", "test_auc", "=0.7", "test_auc=high", "test_auc=nan"])
def test_text_of_another_form_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(click.BadParameter, match="METRIC=VALUE"):
        parse_bounds([text], [])


def test_metric_that_is_given_twice_is_refused() -> None:
    """Of two bounds one would be lost."""
    with pytest.raises(click.BadParameter, match="twice"):
        parse_bounds(["test_auc=0.7", "test_auc=0.8"], [])
