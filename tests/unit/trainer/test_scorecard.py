"""A scorecard learns bins that rise or fall, their evidence, and says it in points."""

import math

import numpy as np
import pytest

from services.trainer.domain.binning import weigh
from services.trainer.domain.classifiers.catalogue import find_classifier
from services.trainer.domain.folding import on_unscaled
from services.trainer.domain.points import lines_of
from shared.bundle.scorecard_model import Characteristic, ScorecardModel

_RANDOM = np.random.default_rng(8)
_ROWS = np.column_stack(
    [_RANDOM.normal(size=600) * 1e4, _RANDOM.integers(0, 2, 600), _RANDOM.normal(size=600), np.full(600, 7.0)]
).astype(np.float64)
_TARGETS = (_ROWS[:, 0] / 1e4 + _ROWS[:, 1] + _RANDOM.normal(size=600) > 1.8).astype(np.int8)
_GAPS = _ROWS.copy()
_GAPS[:80, 0] = np.nan
_DEFAULTS = {each.name: each.default for each in find_classifier("woe_scorecard").hyperparameters}


def _fit(**changes: float) -> ScorecardModel:
    prepare = find_classifier("woe_scorecard").prepare
    model = prepare(_GAPS, _TARGETS, np.ones(600), threads=1)({**_DEFAULTS, **changes}, 0)
    assert isinstance(model, ScorecardModel)
    return model


def test_evidence_is_the_logarithm_of_shares() -> None:
    """Of those who paid, over those who defaulted, with half an applicant more in each bin; by hand."""
    column = np.array([1.0, 1.0, 1.0, 5.0, 5.0, np.nan])
    targets = np.array([0, 0, 1, 0, 1, 1], dtype=np.int8)

    bins = weigh(column, targets, (3.0,))

    paid, defaulted = [2.5 / 4.5, 1.5 / 4.5, 0.5 / 4.5], [1.5 / 4.5, 1.5 / 4.5, 1.5 / 4.5]
    woes = [math.log(p / d) for p, d in zip(paid, defaulted, strict=True)]
    assert [*bins.woes, bins.missing_woe] == pytest.approx(woes)
    assert bins.information_value == pytest.approx(
        sum((p - d) * woe for p, d, woe in zip(paid, defaulted, woes, strict=True))
    )
    assert bins.apply(np.array([2.9, 3.0, np.nan])) == pytest.approx(woes)


def test_a_bin_that_nobody_is_in_has_no_evidence() -> None:
    """Nothing is known of missing values where training had none."""
    bins = weigh(np.array([1.0, 2.0]), np.array([0, 1], dtype=np.int8), ())

    assert (bins.woes, bins.missing_woe, bins.information_value) == ((0.0,), 0.0, 0.0)


def test_risk_rises_or_falls_from_bin_to_bin() -> None:
    """The first column's weights fall all the way, since more of it means more defaults."""
    age = _fit().characteristics[0]

    assert 2 <= len(age.woes) <= 6
    assert list(age.woes) == sorted(age.woes, reverse=True)
    assert age.coefficient < 0.0
    assert age.missing_woe not in age.woes


def test_columns_that_tell_nothing_are_left_out_but_never_all() -> None:
    """Noise and a constant have no information; the strongest column stays, whatever was asked for."""
    strict, lax = _fit(min_information_value=10.0), _fit(min_information_value=0.0)

    assert [each.coefficient != 0.0 for each in strict.characteristics] == [True, False, False, False]
    assert [each.coefficient != 0.0 for each in lax.characteristics][:3] == [True, True, True]


def test_a_scorecard_ranks_applicants() -> None:
    """Those who defaulted have the larger margins, missing values included."""
    model = _fit()

    margins = model.margins(_GAPS)

    assert margins[_TARGETS == 1].mean() > margins[_TARGETS == 0].mean() + 0.5
    assert np.isfinite(margins).all()


def test_class_weights_move_the_intercept_and_hardly_the_bins() -> None:
    """Weights of evidence compare shares of the classes."""
    prepare = find_classifier("woe_scorecard").prepare
    weights = np.where(_TARGETS == 1, 5.0, 1.0)

    weighted = prepare(_GAPS, _TARGETS, weights, threads=1)(_DEFAULTS, 0)

    assert isinstance(weighted, ScorecardModel)
    assert [each.woes for each in weighted.characteristics] == [each.woes for each in _fit().characteristics]
    assert weighted.intercept > _fit().intercept + 1.0


def test_points_add_up_to_the_score() -> None:
    """600 points at odds of 50 to 1, 20 more for twice the odds."""
    card = ScorecardModel(-2.0, (Characteristic(-1.0, (10.0,), (-0.5, 0.5), 0.0), Characteristic(0.0, (), (0.0,), 0.0)))

    base, low, high, missing = lines_of(card, ["INCOME", "UNASKED"])

    assert [line.bin for line in (base, low, high, missing)] == ["", "below 10.0", "from 10.0", "missing"]
    margin = float(card.margins(np.array([[12.0, 0.0]]))[0])
    assert base.points + high.points == pytest.approx(600.0 + 20.0 / math.log(2.0) * (-margin - math.log(50.0)))
    assert high.points > missing.points > low.points


def test_bins_between_edges_are_named_by_both() -> None:
    """And a feature without an edge has any value."""
    card = ScorecardModel(
        0.0, (Characteristic(1.0, (1.0, 2.0), (0.1, 0.2, 0.3), 0.0), Characteristic(1.0, (), (0.1,), 0.2))
    )

    assert [line.bin for line in lines_of(card, ["A", "B"])[1:]] == [
        "below 1.0",
        "from 1.0 to below 2.0",
        "from 2.0",
        "missing",
        "any",
        "missing",
    ]


def test_a_scorecard_on_standardised_columns_is_one_on_columns_as_they_are() -> None:
    """Every value lies in the same bin, to the bit, also exactly at the edges."""
    means, scales = np.array([3.0, 0.4]), np.array([7.0, 0.3])
    card = ScorecardModel(
        -1.0,
        (
            Characteristic(-1.0, (-0.7, 0.1, 0.9), (1.0, 0.3, -0.2, -0.9), 0.1),
            Characteristic(-0.5, (0.0,), (0.2, -0.2), 0.0),
        ),
    )

    folded = on_unscaled(card, means, scales)

    assert isinstance(folded, ScorecardModel)
    edges = np.array(folded.characteristics[0].edges)
    column = np.concatenate([edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf), [np.nan, -50.0, 50.0]])
    rows = np.column_stack([column, np.full(len(column), 0.4)])
    assert folded.margins(rows).tobytes() == card.margins((rows - means) / scales).tobytes()
