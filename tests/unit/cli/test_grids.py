"""Hyper-parameters as people write them."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.cli.grids import parse_grid, parse_value, value_text, values_text
from counterfoil.trainer.v1 import training_pb2


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_stay_whole(number: int) -> None:
    """Every number that the contract can hold comes back as it was written."""
    assert value_text(parse_value(str(number))) == str(number)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_real_numbers_keep_every_bit(number: float) -> None:
    """What was tried is what was asked for."""
    assert parse_value(repr(number)).real == number


@pytest.mark.parametrize("word", ["lbfgs", "nan", "inf", "newton-cholesky"])
def test_what_is_no_finite_number_is_a_word(word: str) -> None:
    """The service tells which words there are."""
    assert parse_value(word).WhichOneof("value") == "text"


def test_number_beyond_64_bits_is_real() -> None:
    """Nothing crashes on it; the service knows its bounds."""
    assert parse_value("9223372036854775808").real == 2.0**63


def test_grid_keeps_the_order_of_values() -> None:
    """Spaces around names and values do not count."""
    grid = parse_grid(["num_leaves = 16, 8", "solver=lbfgs"])

    assert [value.integer for value in grid["num_leaves"].values] == [16, 8]
    assert list(grid) == ["num_leaves", "solver"]


@pytest.mark.parametrize(
    ("text", "minimum", "maximum", "scale", "steps"),
    [
        ("4..64", 4.0, 64.0, training_pb2.RANGE_SCALE_LINEAR, 0),
        ("0.005..0.1:log", 0.005, 0.1, training_pb2.RANGE_SCALE_LOGARITHMIC, 0),
        ("-1..8:3", -1.0, 8.0, training_pb2.RANGE_SCALE_LINEAR, 3),
        ("1e-3..1.:log:4", 0.001, 1.0, training_pb2.RANGE_SCALE_LOGARITHMIC, 4),
    ],
)
def test_two_bounds_are_a_range(
    text: str, minimum: float, maximum: float, scale: training_pb2.RangeScale.ValueType, steps: int
) -> None:
    """With its scale and, for a full grid, its steps."""
    choices = parse_grid([f"learning_rate={text}"])["learning_rate"]

    assert not choices.values
    assert (choices.range.minimum, choices.range.maximum) == (minimum, maximum)
    assert (choices.range.scale, choices.range.steps) == (scale, steps)


def test_a_range_of_words_is_refused_with_an_example() -> None:
    """The service would only see that a bound is missing."""
    with pytest.raises(click.BadParameter, match=r"0\.01\.\.0\.1:log"):
        parse_grid(["learning_rate=low..high"])


@pytest.mark.parametrize("text", ["num_leaves", "=1", "num_leaves=", "num_leaves=1,,2", ""])
def test_text_of_another_form_is_refused_with_an_example(text: str) -> None:
    """The message shows how to write it."""
    with pytest.raises(click.BadParameter, match="num_leaves=8,16"):
        parse_grid([text])


def test_name_that_is_given_twice_is_refused() -> None:
    """Silently taking the last one would search another grid than was typed."""
    with pytest.raises(click.BadParameter, match="num_leaves is given twice"):
        parse_grid(["num_leaves=8", "num_leaves=16"])


def test_hyperparameters_are_written_by_name() -> None:
    """A value that holds nothing is shown as nothing."""
    values = {"b": training_pb2.HyperparameterValue(integer=2), "a": training_pb2.HyperparameterValue()}

    assert values_text(values) == "a=, b=2"
