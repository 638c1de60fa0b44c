"""How labelled applicants become a train and a test split."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from services.trainer.domain.cleaning import CleaningOptions, options_from_json
from services.trainer.domain.results import SplitName
from services.trainer.domain.sources import Source, source_from_json, source_to_json, source_violations
from shared.errors import FieldViolation, InvalidInput, Precondition

APPLICANT, LABEL = "applicant_id", "target"
"""The columns that stand before the features in every split."""

Splits = Mapping[SplitName, NDArray[np.intp]]
"""The numbers of the rows of each split."""


@dataclass(frozen=True)
class DatasetPlan:
    """What a data set is made of: where its rows come from, how labelled ones are split, how columns are cleaned.

    `test_share` lies in [0, 1); 0 leaves the test split empty. Nothing that the raw `barred_columns` have any part in
    becomes a feature.
    """

    source: Source
    test_share: float
    seed: int
    cleaning: CleaningOptions
    display_name: str = ""
    barred_columns: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts that `plan_from_json` turns back into an equal plan."""
        return {**asdict(self), "source": source_to_json(self.source)}


def plan_from_json(document: Mapping[str, Any]) -> DatasetPlan:
    """Return the plan that `DatasetPlan.to_json` wrote."""
    return DatasetPlan(
        **{
            **document,
            "source": source_from_json(document["source"]),
            "cleaning": options_from_json(document["cleaning"]),
            "barred_columns": tuple(document.get("barred_columns", ())),
        }
    )


@dataclass(frozen=True)
class LabelledRows:
    """Uncleaned features of labelled applicants, one row each, and their targets (1 = default)."""

    frame: pl.DataFrame
    targets: NDArray[np.int8]


def check_dataset_plan(plan: DatasetPlan) -> None:
    """Raise InvalidInput that names every field of the plan that is out of its range."""
    violations = [*source_violations(plan.source), *_plan_violations(plan), *option_violations(plan.cleaning)]
    if violations:
        raise InvalidInput(violations)


def split_rows(labels: pl.Series, plan: DatasetPlan) -> Splits:
    """Return the numbers of each split's rows, labelled ones divided by the plan's share and seed."""
    labelled = labels.is_not_null().to_numpy()
    places = np.flatnonzero(labelled)
    targets = labels[places].to_numpy().astype(np.int8)
    train, test = split_labelled(targets, test_share=plan.test_share, seed=plan.seed)
    return {"train": places[train], "test": places[test], "production": np.flatnonzero(~labelled)}


def split_labelled(
    targets: NDArray[np.int8], *, test_share: float, seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the row numbers of train and test, ascending, each class divided in the same proportion.

    Raises Precondition ONE_CLASS_TARGET where a class is absent and SPLIT_TOO_SMALL where a class is too rare to be in
    both splits.
    """
    random = np.random.default_rng(seed)
    tests = [_draw(random, np.flatnonzero(targets == value), value, test_share) for value in (0, 1)]
    test = np.sort(np.concatenate(tests))
    return np.setdiff1d(np.arange(len(targets)), test), test


def _draw(random: np.random.Generator, rows: NDArray[np.intp], value: int, test_share: float) -> NDArray[np.intp]:
    if not len(rows):
        raise Precondition(
            f"no labelled applicant has target {value}, so nothing can be told apart; supply rows of both classes",
            reason="ONE_CLASS_TARGET",
            metadata={"absent_class": str(value)},
        )
    count = int(np.floor(len(rows) * test_share + 0.5))
    if test_share > 0.0 and not 0 < count < len(rows):
        raise Precondition(
            f"{len(rows)} applicants with target {value} are too few for a test share of {test_share:g}; choose a "
            "share that leaves some in both splits, or 0 for no test split",
            reason="SPLIT_TOO_SMALL",
            metadata={"class": str(value), "rows": str(len(rows))},
        )
    return random.permutation(rows)[:count]


def _plan_violations(plan: DatasetPlan) -> list[FieldViolation]:
    violations = []
    if not 0.0 <= plan.test_share < 1.0:
        violations.append(FieldViolation("test_share", "must be a share from 0 to below 1"))
    if plan.seed < 0:
        violations.append(FieldViolation("seed", "must be 0 or more"))
    if len(plan.display_name) > _LONGEST_NAME:
        violations.append(FieldViolation("display_name", f"must have at most {_LONGEST_NAME} characters"))
    return [*violations, *_barred_violations(plan.barred_columns)]


def _barred_violations(columns: Sequence[str]) -> Iterator[FieldViolation]:
    if len(columns) > _MOST_BARRED:
        yield FieldViolation("barred_columns", f"holds {len(columns)}; name at most {_MOST_BARRED}")
    for place, column in enumerate(columns):
        if not 0 < len(column) <= _LONGEST_NAME:
            yield FieldViolation(f"barred_columns[{place}]", f"must have 1 to {_LONGEST_NAME} characters")
        elif column in columns[:place]:
            yield FieldViolation(f"barred_columns[{place}]", "is named twice")


def option_violations(options: CleaningOptions) -> list[FieldViolation]:
    """Return what is wrong with each option that is out of its range."""
    return [
        FieldViolation(f"options.{name}", remedy)
        for name, fits, remedy in _OPTION_RANGES
        if (value := getattr(options, name)) is not None and not fits(value)
    ]


def _is_strength(value: float) -> bool:
    return 0.0 < value <= 1.0


_STRENGTH = "must lie above 0 and be at most 1"
# What each optional number must be, and how that is said.
_OPTION_RANGES: tuple[tuple[str, Callable[[float], bool], str], ...] = (
    ("max_missing_share", lambda value: 0.0 <= value <= 1.0, "must be a share from 0 to 1"),
    ("max_abs_correlation", _is_strength, _STRENGTH),
    ("min_variance", lambda value: 0.0 <= value < np.inf, "must be a finite number, 0 or more"),
    ("max_target_eta_squared", _is_strength, _STRENGTH),
    ("max_target_cramers_v", _is_strength, _STRENGTH),
    ("max_categorical_association", _is_strength, _STRENGTH),
)
_LONGEST_NAME = 200
_MOST_BARRED = 500
