"""Costs as people write them."""

import click
import pytest

from counterfoil.cli.costs import cost_text, parse_costs
from counterfoil.trainer.v1 import training_pb2


def test_a_cost_is_a_number_or_a_share_of_a_column() -> None:
    """Spaces around the parts do not count."""
    costs = parse_costs("0.6 : AMT_CREDIT", "2")

    assert costs == training_pb2.Costs(false_negative=0.6, false_negative_column="AMT_CREDIT", false_positive=2.0)


def test_a_cost_that_is_not_given_is_left_to_the_service() -> None:
    """Absent is not zero."""
    costs = parse_costs(None, "0")

    assert not costs.HasField("false_negative")
    assert costs.HasField("false_positive")


@pytest.mark.parametrize("text", ["", "much", "nan", "0.6:", ":AMT_CREDIT", "AMT_CREDIT:0.6", "AMT_CREDIT"])
def test_another_form_is_refused_with_an_example(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(click.BadParameter, match=r"0\.6:AMT_CREDIT"):
        parse_costs(text, None)


def test_a_cost_is_shown_with_its_column() -> None:
    """As a product, so that nobody takes the factor for an amount."""
    assert (cost_text(10.0, ""), cost_text(0.6, "AMT_CREDIT")) == ("10", "0.6 x AMT_CREDIT")
