"""Leaks of the target and redundant categorical variables are dropped as wholes, on the word of train alone."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from services.trainer.domain.association import chi_squared, contingency, cramers_v, eta_squared
from services.trainer.domain.cleaning import (
    CleaningOptions,
    CleaningRecord,
    ColumnFate,
    Imputation,
    Rule,
    record_from_json,
)
from services.trainer.domain.cleaning_rules import fit_cleaning
from shared.errors import Precondition

_ROWS = 600
_RANDOM = np.random.default_rng(11)
_TARGETS = (_RANDOM.random(_ROWS) < 0.2).astype(np.int8)
_INCOME = _RANDOM.integers(0, 3, _ROWS)
_OPTIONS = CleaningOptions(Imputation.NONE)


def _one_hots(name: str, codes: NDArray[np.integer], levels: str = "abc") -> dict[str, NDArray[np.float64]]:
    return {f"{name}_{level}": (codes == place).astype(np.float64) for place, level in enumerate(levels)}


def _mostly(codes: NDArray[np.integer], share: float) -> NDArray[np.integer]:
    return np.where(_RANDOM.random(_ROWS) < share, codes, _RANDOM.integers(0, 3, _ROWS))


# WORK nearly repeats INCOME, LETTER was written after the default, GENDER is a binary, AMT_CALL a number that leaks.
_FRAME = pl.DataFrame(
    {
        "AMT": _RANDOM.normal(size=_ROWS),
        "AMT_CALL": _TARGETS + 0.2 * _RANDOM.normal(size=_ROWS),
        **_one_hots("INCOME", _INCOME),
        **_one_hots("WORK", _mostly(_INCOME, 0.95)),
        **_one_hots("LETTER", np.where(_TARGETS == 1, 0, _RANDOM.integers(1, 4, _ROWS))),
        "GENDER": _RANDOM.integers(0, 2, _ROWS).astype(np.float64),
    }
)
_VARIABLES = {
    name: name.rpartition("_")[0] or name for name in _FRAME.columns if name.startswith(("I", "W", "L", "GENDER"))
}


def _fitted(options: CleaningOptions, rows: slice = slice(None)) -> CleaningRecord:
    return fit_cleaning(_FRAME[rows], _FRAME.columns, options, targets=_TARGETS[rows], variables=_VARIABLES)


def _dropped(record: CleaningRecord) -> dict[str, ColumnFate]:
    return {fate.column: fate for fate in record.columns if not fate.kept}


def _codes(variable: str) -> NDArray[np.intp]:
    columns = [_FRAME[name].to_numpy() for name in _FRAME.columns if _VARIABLES.get(name) == variable]
    return np.asarray(sum((place + 1) * column for place, column in enumerate(columns)), dtype=np.intp)


def test_without_the_options_nothing_goes() -> None:
    """A guard that nobody asked for would surprise."""
    assert not _dropped(_fitted(_OPTIONS))


def test_a_number_that_the_target_explains_is_dropped_with_its_eta_squared() -> None:
    """A categorical variable is none of this rule's business, however much it leaks."""
    dropped = _dropped(_fitted(replace(_OPTIONS, max_target_eta_squared=0.5)))

    expected = eta_squared(_FRAME["AMT_CALL"].to_numpy()[:, None], _TARGETS)[0]
    assert list(dropped) == ["AMT_CALL"]
    fate = dropped["AMT_CALL"]
    assert (fate.rule, fate.figure, fate.bound) == (Rule.TARGET_ETA_SQUARED, expected, 0.5)
    assert (fate.variable, fate.chi_squared) == ("", None)


def test_a_variable_that_tells_the_target_goes_with_all_its_columns() -> None:
    """One of its one-hots alone would still tell half of it; figure and chi² are those of the whole variable."""
    dropped = _dropped(_fitted(replace(_OPTIONS, max_target_cramers_v=0.5)))

    counts = contingency(_codes("LETTER"), _TARGETS.astype(np.intp))
    assert list(dropped) == ["LETTER_a", "LETTER_b", "LETTER_c"]
    for fate in dropped.values():
        assert (fate.rule, fate.variable, fate.partner) == (Rule.TARGET_CRAMERS_V, "LETTER", "")
        assert fate.figure == pytest.approx(cramers_v(counts))
        assert fate.chi_squared == pytest.approx(chi_squared(counts))


def test_of_two_variables_that_say_the_same_the_later_goes() -> None:
    """It names the one that stayed."""
    dropped = _dropped(_fitted(replace(_OPTIONS, max_categorical_association=0.8)))

    assert list(dropped) == ["WORK_a", "WORK_b", "WORK_c"]
    assert {(fate.rule, fate.partner) for fate in dropped.values()} == {(Rule.CATEGORICAL_ASSOCIATION, "INCOME")}
    figure = cramers_v(contingency(_codes("INCOME"), _codes("WORK")))
    assert [fate.figure for fate in dropped.values()] == pytest.approx([figure] * 3)


def test_a_binary_column_is_a_variable_of_its_own() -> None:
    """As a second column of the same codes shows, which goes for the first."""
    frame = _FRAME.with_columns(SEX=1.0 - pl.col("GENDER"))
    options = replace(_OPTIONS, max_categorical_association=0.99)

    record = fit_cleaning(frame, frame.columns, options, targets=_TARGETS, variables={"GENDER": "GENDER", "SEX": "SEX"})

    assert [(fate.column, fate.partner) for fate in _dropped(record).values()] == [("SEX", "GENDER")]


def test_a_variable_that_was_dropped_for_a_leak_takes_no_other_along() -> None:
    """The rules apply in their order; what is gone is no partner."""
    frame = _FRAME.select(
        "LETTER_a", "LETTER_b", "LETTER_c", *(pl.col(f"LETTER_{x}").alias(f"NOTE_{x}") for x in "abc")
    )
    variables = {name: name.partition("_")[0] for name in frame.columns} | {"NOTE_a": "NOTE"}
    options = replace(_OPTIONS, max_target_cramers_v=0.5, max_categorical_association=0.5)

    with pytest.raises(Precondition, match="TARGET_CRAMERS_V dropped 6"):
        fit_cleaning(frame, frame.columns, options, targets=_TARGETS, variables=variables)


def test_a_variable_is_judged_whole_though_a_rule_before_dropped_a_rare_level() -> None:
    """The rare level is counted as itself and not as missing; its column keeps the earlier rule."""
    hots = _one_hots("JOB", np.where(np.arange(_ROWS) < 3, 2, _INCOME % 2))
    frame = pl.DataFrame({**_one_hots("INCOME", np.where(np.arange(_ROWS) < 3, 2, _INCOME % 2)), **hots})
    variables = {name: name.partition("_")[0] for name in frame.columns}
    options = replace(_OPTIONS, min_variance=0.01, max_categorical_association=0.999)

    dropped = _dropped(fit_cleaning(frame, frame.columns, options, targets=_TARGETS, variables=variables))

    rules = {name: fate.rule for name, fate in dropped.items()}
    associated = Rule.CATEGORICAL_ASSOCIATION
    assert rules == {"INCOME_c": Rule.VARIANCE, "JOB_a": associated, "JOB_b": associated, "JOB_c": Rule.VARIANCE}
    assert dropped["JOB_a"].figure == 1.0


def test_a_figure_at_its_bound_is_tolerated() -> None:
    """A copy has V = 1, which a bound of 1 allows."""
    frame = _FRAME.select(pl.col("INCOME_a"), pl.col("INCOME_a").alias("COPY"), pl.lit(_TARGETS).alias("TARGET_COPY"))
    variables = {"INCOME_a": "INCOME", "COPY": "COPY"}
    options = replace(_OPTIONS, max_categorical_association=1.0, max_target_cramers_v=1.0, max_target_eta_squared=1.0)

    record = fit_cleaning(frame, frame.columns, options, targets=_TARGETS, variables=variables)

    assert not _dropped(record)


def test_other_rows_than_those_of_train_change_nothing() -> None:
    """Fitted on the first half, the figures are those of the first half."""
    half = slice(0, _ROWS // 2)
    options = replace(_OPTIONS, max_target_eta_squared=0.5)

    record = _fitted(options, half)

    expected = eta_squared(_FRAME["AMT_CALL"].to_numpy()[half, None], _TARGETS[half])[0]
    assert _dropped(record)["AMT_CALL"].figure == expected
    assert expected != _dropped(_fitted(options))["AMT_CALL"].figure


def test_a_record_knows_the_variable_of_each_column_also_after_json() -> None:
    """A fold is cleaned by what the record says, without the tables' levels."""
    record = _fitted(replace(_OPTIONS, max_target_cramers_v=0.5))

    again = record_from_json(record.to_json())

    assert again == record
    assert again.variables == _VARIABLES
