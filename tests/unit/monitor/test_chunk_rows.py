"""A chunk in its model's projection: as many rows as it has answers, each as if it had come alone."""

import math

import numpy as np
import pyarrow as pa

from counterfoil.types.v1 import prediction_pb2
from services.monitor.adapters.chunk_rows import project_all
from services.monitor.adapters.ledger_rows import ledger_rows
from services.monitor.adapters.projection_rows import COMMIT_COLUMN, LEDGER_COLUMNS, project_rows
from shared.prediction_record.chunks import ChunkAnswers, chunk_decisions, to_doubles
from tests.unit.monitor.models import FEATURES, model_facts
from tests.unit.monitor.segments import NOW, Spool, decisions_of, seeded_values

CHUNK_ID = "11111111-1111-4111-8111-111111111111"


def ledger(segment: prediction_pb2.Segment) -> pa.Table:
    """Return the segment as the projector reads it out of the ledger."""
    rows = ledger_rows(segment, decisions_of(segment), NOW).select(LEDGER_COLUMNS)
    return rows.append_column(COMMIT_COLUMN, pa.repeat(pa.scalar(4, pa.int64()), rows.num_rows))


def with_chunk(values: np.ndarray, *, answered: list[int], rows: int, ids: tuple[str, ...] = ()) -> pa.Table:
    """Return the ledger's rows of a single record, a chunk of these inputs and another single record."""
    segment, _ = Spool().seal(seeded_values(3))
    decision = prediction_pb2.DecisionPart.FromString(segment.records[1].decision_part)
    margins = np.arange(len(answered), dtype=np.float64) - 1.0
    decisions = np.full(len(answered), prediction_pb2.DECISION_REFUSE, dtype=np.uint8)
    told = ChunkAnswers(np.array(answered), 1 / (1 + np.exp(-margins)), margins, decisions)
    decision.layout_version, decision.prediction_id = 2, CHUNK_ID
    decision.chunk.CopyFrom(chunk_decisions(told, first_row=0, rows=rows))
    subjects = prediction_pb2.ChunkSubjects(values=to_doubles(values), applicant_ids=ids)
    segment.records[1].decision_part = decision.SerializeToString()
    segment.records[1].personal_part = prediction_pb2.PersonalPart(chunk=subjects).SerializeToString()
    return ledger(segment)


def test_a_chunk_becomes_one_row_for_each_answer() -> None:
    """Named by its place in the chunk, with record, time and purpose of the chunk and values of its own."""
    values = np.array([[1.0, math.nan, 3.0], [4.0, 5.0, 6.0]])

    projected, apart = project_all(with_chunk(values, answered=[0, 2], rows=3, ids=("a", "b")), model_facts())

    rows = [row for row in projected.to_pylist() if row["sequence"] == 2]
    assert [row["prediction_id"] for row in rows] == [f"{CHUNK_ID}.0", f"{CHUNK_ID}.2"]
    assert [row["applicant_id"] for row in rows] == ["a", "b"]
    assert [[row[name] for name in FEATURES] for row in rows] == [[1.0, None, 3.0], [4.0, 5.0, 6.0]]
    assert [row["margin"] for row in rows] == [-1.0, 0.0]
    assert [row["probability"] for row in rows] == [1 / (1 + math.exp(1)), 0.5]
    assert {(row["decision"], row["purpose"], row[COMMIT_COLUMN]) for row in rows} == {("REFUSE", "DECISION", 4)}
    assert apart.num_rows == 0


def test_single_records_beside_a_chunk_stay_what_they_are() -> None:
    """And without a chunk nothing is different at all."""
    mixed = with_chunk(np.ones((1, 3)), answered=[0], rows=1)
    alone = ledger(Spool().seal(seeded_values(3))[0])

    projected, _ = project_all(mixed, model_facts())
    same, _ = project_all(alone, model_facts())

    assert same == project_rows(alone, model_facts())[0]
    assert [row for row in projected.to_pylist() if row["sequence"] != 2] == [
        row for row in same.to_pylist() if row["sequence"] != 2
    ]


def test_an_erased_chunk_keeps_its_decisions() -> None:
    """Its features and applicants are null."""
    table = with_chunk(np.ones((2, 3)), answered=[0, 1], rows=2, ids=("a", "b"))
    column = table.schema.get_field_index("personal_part")
    erased = table.set_column(column, "personal_part", pa.array([b"", b"", b""]))

    projected, apart = project_all(erased, model_facts())

    rows = [row for row in projected.to_pylist() if row["sequence"] == 2]
    assert [row["decision"] for row in rows] == ["REFUSE", "REFUSE"]
    assert {row[name] for row in rows for name in ("applicant_id", *FEATURES)} == {None}
    assert apart.num_rows == 0


def test_a_chunk_that_does_not_fit_is_set_apart_as_a_whole() -> None:
    """Inputs of other rows, an infinity, or another bundle: one entry, and no row of it is projected."""
    short = with_chunk(np.ones((1, 3)), answered=[0, 1], rows=2)
    infinite = with_chunk(np.full((1, 3), math.inf), answered=[0], rows=1)
    sound = with_chunk(np.ones((1, 3)), answered=[0], rows=1)

    found = [
        project_all(short, model_facts()),
        project_all(infinite, model_facts()),
        project_all(sound, model_facts(bundle_digest="e" * 64)),
    ]

    assert [apart["reason"].to_pylist() for _, apart in found[:2]] == [["VALUES_INVALID"]] * 2
    assert found[2][1]["reason"].to_pylist() == ["BUNDLE_MISMATCH"] * 3
    assert [2 in projected["sequence"].to_pylist() for projected, _ in found] == [False] * 3
