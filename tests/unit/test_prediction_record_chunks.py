"""Chunks of rows as bytes and back: every number to the bit, and nothing made of sizes that do not fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from counterfoil.types.v1 import prediction_pb2
from shared.prediction_record.chunks import (
    ChunkAnswers,
    chunk_answers,
    chunk_decisions,
    chunk_personal_part,
    chunk_values,
    from_doubles,
    to_doubles,
)


def answers(positions: list[int]) -> ChunkAnswers:
    """Return seeded answers about the rows at these positions."""
    generator = np.random.default_rng(len(positions))
    count = len(positions)
    return ChunkAnswers(
        np.array(positions, dtype=np.int64),
        generator.uniform(size=count),
        generator.normal(size=count),
        generator.integers(1, 4, count, dtype=np.uint8),
    )


@given(st.sets(st.integers(0, 40)), st.integers(41, 60))
def test_answers_come_back_whatever_rows_were_refused(positions: set[int], rows: int) -> None:
    """All refused, none refused, and anything between."""
    given_answers = answers(sorted(positions))

    chunk = chunk_decisions(given_answers, first_row=7, rows=rows)
    back = chunk_answers(prediction_pb2.ChunkDecisions.FromString(chunk.SerializeToString()))

    assert (chunk.first_row, chunk.rows, len(chunk.refused_rows)) == (7, rows, rows - len(positions))
    for field in ("positions", "probabilities", "margins", "decisions"):
        assert_array_equal(getattr(back, field), getattr(given_answers, field))


def test_numbers_keep_their_bits() -> None:
    """Little-endian float64, row by row, as any language reads them."""
    values = np.array([[1.5, np.nan], [-0.0, 5e-324]])

    content = to_doubles(values)

    assert content[:8] == bytes.fromhex("000000000000f83f")
    assert from_doubles(content, columns=2).tobytes() == values.tobytes()
    with pytest.raises(ValueError, match="buffer size"):
        from_doubles(content[:-1], columns=2)


def test_columns_of_different_lengths_are_no_chunk() -> None:
    """A number of rows that somebody made up costs no memory."""
    chunk = chunk_decisions(answers([0, 1, 2]), first_row=0, rows=3)
    longer = prediction_pb2.ChunkDecisions.FromString(chunk.SerializeToString())
    longer.rows = (1 << 32) - 1
    foreign = prediction_pb2.ChunkDecisions.FromString(chunk.SerializeToString())
    foreign.rows = 4
    foreign.refused_rows.append(9)

    with pytest.raises(ValueError, match="different lengths"):
        chunk_answers(longer)
    with pytest.raises(ValueError, match="none of the chunk"):
        chunk_answers(foreign)


def test_inputs_must_be_those_of_the_answered_rows() -> None:
    """Neither more rows nor more applicants."""
    values = np.arange(6.0).reshape(3, 2)
    subjects = prediction_pb2.ChunkSubjects(values=to_doubles(values), applicant_ids=["a", "b", "c"])

    assert_array_equal(chunk_values(subjects, rows=3, columns=2), values)
    for rows, columns in ((2, 2), (2, 3)):
        with pytest.raises(ValueError, match="other rows"):
            chunk_values(subjects, rows=rows, columns=columns)


@given(st.integers(1, 400), st.integers(1, 60), st.lists(st.text(max_size=40), max_size=5))
def test_a_personal_part_is_what_protobuf_would_write(rows: int, columns: int, applicant_ids: list[str]) -> None:
    """To the byte, with sizes of one byte and of several."""
    values = np.arange(rows * columns, dtype=np.float64).reshape(rows, columns)

    written = b"".join(chunk_personal_part(values, applicant_ids))

    subjects = prediction_pb2.ChunkSubjects(values=to_doubles(values), applicant_ids=applicant_ids)
    assert written == prediction_pb2.PersonalPart(chunk=subjects).SerializeToString()
