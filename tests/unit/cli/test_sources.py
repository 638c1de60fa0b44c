"""Where rows come from, as people write it."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.cli.sources import parse_bounds, parse_reason_texts
from counterfoil.trainer.v1 import dataset_pb2

Bounds = dataset_pb2.ValueBounds
_FINITE = st.floats(allow_nan=False, allow_infinity=False)


def test_a_text_is_all_that_follows_the_first_equals_sign() -> None:
    """Words may hold any sign."""
    assert parse_reason_texts(["age=Age in years", "rate=Rate = share of income"]) == {
        "age": "Age in years",
        "rate": "Rate = share of income",
    }


@given(_FINITE, _FINITE)
def test_bounds_keep_every_bit(minimum: float, maximum: float) -> None:
    """Whether they are in order is for the service to say."""
    assert parse_bounds([f"a={minimum!r}:{maximum!r}"]) == {"a": Bounds(minimum=minimum, maximum=maximum)}


def test_bounds_may_be_open_on_one_side() -> None:
    """An absent bound is no zero; a column may have an equals sign in its name."""
    assert parse_bounds(["amount=0:", "score=:1", "a=b=1:2"]) == {
        "amount": Bounds(minimum=0),
        "score": Bounds(maximum=1),
        "a=b": Bounds(minimum=1, maximum=2),
    }


@pytest.mark.parametrize("text", ["age", "age=", "=18:100", "age=18", "age=:", "age=a:b", "age=1:inf", "age=nan:1"])
def test_bounds_of_another_form_are_refused_with_an_example(text: str) -> None:
    """The command says how they are written."""
    with pytest.raises(click.BadParameter, match="age=18:100"):
        parse_bounds([text])


@pytest.mark.parametrize("text", ["age", "age=", "=Age"])
def test_a_text_of_another_form_is_refused_with_an_example(text: str) -> None:
    """The command says how it is written."""
    with pytest.raises(click.BadParameter, match="Age in years"):
        parse_reason_texts([text])


def test_a_column_that_is_given_twice_is_refused() -> None:
    """Which one was meant is not guessed."""
    with pytest.raises(click.BadParameter, match="twice"):
        parse_bounds(["age=1:2", "age=3:4"])
    with pytest.raises(click.BadParameter, match="twice"):
        parse_reason_texts(["age=Age", "age=Years"])
