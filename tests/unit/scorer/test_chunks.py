"""Rows by the thousand: what holds for one row holds for each of them."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from services.scorer.domain.chunks import (
    CHUNK_BYTES,
    CHUNK_ROWS,
    Order,
    Rows,
    answer_chunk,
    chunk_rows,
    compute_chunk,
    principal_positions,
    resolve_chunk,
    score_rows,
    split_chunks,
)
from services.scorer.domain.features import FeatureResolver
from services.scorer.domain.reasons import EVERYTHING, Detail, Wish, rank
from services.scorer.domain.requests import Purpose
from services.scorer.domain.scoring import Answer, answer
from services.scorer.domain.serving import MissingApplicants, Served, SplitRows
from shared.bundle.reading import load_bundle
from shared.bundle.reasons import ReasonGroups
from tests.bundles import SCHEMA, TinyBundle, tiny_bundle
from tests.clock import Clock

N_FEATURES = len(SCHEMA.names)
contributions = arrays.arrays(
    np.float64, st.tuples(st.integers(0, 5), st.integers(1, 8)), elements=st.integers(-3, 3).map(float)
)
odd = st.sampled_from([math.inf, -math.inf, math.nan, 0.5, -0.0, 1.0, 1e308])


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return a tiny bundle."""
    return tiny_bundle(tmp_path_factory.mktemp("tiny"), seed=33)


@pytest.fixture(scope="module")
def served(tiny: TinyBundle) -> Served:
    """Return what serves it."""
    bundle = load_bundle(tiny.folder, digest=tiny.digest)
    return Served(bundle, "1", FeatureResolver(bundle.schema), MissingApplicants("none"), Clock()())


def order(served: Served, wish: Wish = EVERYTHING) -> Order:
    """Return an order of rows."""
    return Order(served, wish, Purpose.TEST, "unverified", "StreamScore")


@given(contributions, st.integers(1, 10), st.integers(1, 3) | st.none())
def test_principal_positions_are_those_of_the_rank(rows: NDArray[np.float64], most: int, reasons: int | None) -> None:
    """Ties by position, what lowered the risk left out, short rows filled up with -1; with and without groups."""
    groups = ReasonGroups([str(place % reasons) for place in range(rows.shape[1])]) if reasons else None

    found = principal_positions(rows, most, groups)

    assert found.shape == (len(rows), most)
    for row, positions in zip(rows, found.tolist(), strict=True):
        expected = list(rank(row, Wish(Detail.PRINCIPAL, most), groups).principal)
        assert positions == expected + [-1] * (most - len(expected))


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, N_FEATURES - 1), odd), max_size=6))
def test_rows_are_judged_as_vectors_are(
    served: Served, tiny: TinyBundle, changes: list[tuple[int, int, float]]
) -> None:
    """The same rows are refused, with the same words about the same values, and the others are the same rows."""
    values = np.array(tiny.values[:8])
    for row, column, value in changes:
        values[row, column] = value

    rows, refused = served.vectors.resolve_rows(values)

    for position, row in enumerate(values):
        (alone,), refused_alone = served.vectors.resolve_rows(row[None], lambda _row: "vector.")
        assert (position in refused) == (0 in refused_alone)
        if position in refused:
            expected = [(each.field.removeprefix("vector."), each.description) for each in refused_alone[0].violations]
            told, prefix = refused[position].violations, f"rows[{position}]."
            assert [(each.field.removeprefix(prefix), each.description) for each in told] == expected
        else:
            assert rows[position].tobytes() == alone.tobytes()


@given(st.lists(st.integers(0, 999), min_size=1, max_size=30))
def test_columns_have_the_bits_of_single_answers(served: Served, tiny: TinyBundle, places: list[int]) -> None:
    """Margins, probabilities, decisions, contributions and scales."""
    values = tiny.values[places]

    scored = score_rows(served.bundle, values, EVERYTHING)
    bare = score_rows(served.bundle, values, Wish(Detail.NONE))

    for place, single in enumerate(answer(served.bundle, list(values))):
        assert isinstance(single, Answer)
        assert (scored.margins[place], scored.probabilities[place]) == (single.margin, single.probability)
        assert scored.refused[place] == (single.decision == "REFUSE")
        assert scored.scales[place] == single.in_probability.scale
        assert rank(scored.contributions[place]) == single.reasons
    assert_array_equal(bare.margins, scored.margins)
    assert len(bare.contributions) == len(bare.scales) == 0


def test_rows_that_cannot_be_added_up_are_refused_alone(served: Served, tiny: TinyBundle) -> None:
    """A calibrator that saturates would give a probability of 1, which no model can know."""
    steep = dataclasses.replace(served.bundle.calibrator, slope=1e4)
    scoring = dataclasses.replace(served.bundle.scoring, calibrator=steep)
    certain = dataclasses.replace(served, bundle=dataclasses.replace(served.bundle, scoring=scoring))
    rows = Rows(0, tiny.values[:200], [str(place) for place in range(200)])

    found = answer_chunk(order(certain), compute_chunk(order(certain), resolve_chunk(order(certain), rows)))

    assert 0 < len(found.refusals) < 200
    assert {error.reason for error in found.refusals.values()} == {"MARGIN_NOT_FINITE"}
    assert sorted([*found.refusals, *found.positions.tolist()]) == list(range(200))
    assert found.applicant_ids == [str(place) for place in found.positions.tolist()]
    assert len(found.values) == len(found.scored.margins) == len(found.scored.contributions) == len(found.positions)


@given(st.integers(1, 3000))
def test_a_chunk_is_bounded_in_bytes_and_rows(n_features: int) -> None:
    """And always has room for a row."""
    rows = chunk_rows(n_features)

    assert 1 <= rows <= CHUNK_ROWS
    assert rows * n_features * 8 <= CHUNK_BYTES


@given(st.integers(0, 40), st.integers(0, 50), st.integers(0, 3))
def test_a_sample_keeps_the_order_of_its_split(n_rows: int, sample: int, seed: int) -> None:
    """Each applicant at most once, beside its own values; 0 means all."""
    ids = np.array([f"{place:03}".encode() for place in range(n_rows)], dtype="S3")
    split = SplitRows(ids, np.arange(n_rows, dtype=np.float64)[:, None])

    chunks = list(split_chunks(split, sample_rows=sample, seed=seed))

    drawn = [each for chunk in chunks for each in chunk.applicant_ids]
    assert drawn == sorted(set(drawn))
    assert len(drawn) == (min(sample, n_rows) or n_rows)
    for chunk in chunks:
        assert chunk.trusted
        assert_array_equal(chunk.values[:, 0], [float(each) for each in chunk.applicant_ids])


def test_a_wide_split_is_cut_into_many_chunks(tmp_path: Path) -> None:
    """Numbered by their first row."""
    at_once = chunk_rows(1)
    ids = np.array([b"x"] * (at_once + 3), dtype="S1")
    values = np.lib.format.open_memmap(tmp_path / "m.npy", mode="w+", dtype=np.float64, shape=(at_once + 3, 1))

    chunks = list(split_chunks(SplitRows(ids, values), sample_rows=0, seed=0))

    assert [(chunk.first_row, len(chunk.values)) for chunk in chunks] == [(0, at_once), (at_once, 3)]
