"""Arrow IPC streams to rows: what Arrow means, exactly, or a refusal that names the column; never anything else."""

import io
import random
from collections.abc import Callable

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.testing import assert_array_equal
from numpy.typing import NDArray

from services.scorer.arrow.rows import MAX_BATCHES, ArrowReader
from shared.errors import InvalidInput
from tests.arrow import damaged, stream_of, table_of

NAMES = ("a", "b", "c")
ROWS = pa.table({"a": [1.5, None, -0.0], "b": [1, 2, None], "c": [True, None, False]})
PATH = "chunk[0].arrow_ipc"
DAMAGED_STREAMS = 20_000
LARGEST = 1_000


def refuse_large(rows: int, path: str) -> None:
    """Refuse what a scorer would."""
    if rows > LARGEST:
        raise InvalidInput.of(path, "is too large")


def reader(*names: str) -> ArrowReader:
    """Return a reader of these features."""
    return ArrowReader(names or NAMES, refuse_large=refuse_large)


def refusal(content: bytes, *names: str) -> list[tuple[str, str]]:
    """Return what is said against a stream: paths and words."""
    with pytest.raises(InvalidInput) as raised:
        reader(*names).read(content, PATH)
    return [(each.field, each.description) for each in raised.value.violations]


def polars_stream(frame: pl.DataFrame) -> bytes:
    """Return the frame as Polars writes a stream."""
    content = io.BytesIO()
    frame.write_ipc_stream(content)
    return content.getvalue()


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(1, 40), st.just(3))),
    st.permutations(NAMES),
    st.integers(1, 40),
)
def test_values_arrive_to_the_bit_in_the_schemas_order(
    values: NDArray[np.float64], order: list[str], rows_a_batch: int
) -> None:
    """Whatever the order of the columns and however the rows are cut into batches; a null is a missing value."""
    table = table_of(NAMES, values).select(order)

    found = reader().read(stream_of(table, rows_a_batch=rows_a_batch), PATH)

    missing = np.isnan(values)
    assert_array_equal(np.isnan(found), missing)
    assert found[~missing].tobytes() == values[~missing].tobytes()


@pytest.mark.parametrize("form", ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"])
def test_integers_are_taken_exactly(form: str) -> None:
    """Their extremes too, as far as float64 has them."""
    information = np.iinfo(form)
    extremes = [max(information.min, -(1 << 53)), 0, min(information.max, 1 << 53)]
    column = pa.array([*extremes, None], pa.from_numpy_dtype(np.dtype(form)))

    found = reader("a").read(stream_of(pa.table({"a": column})), PATH)

    assert_array_equal(found[:, 0], [*map(float, extremes), np.nan])


@pytest.mark.parametrize("form", [pa.float16(), pa.float32(), pa.float64()])
def test_shorter_floats_are_widened(form: pa.DataType) -> None:
    """To the same number; NaN is missing as a null is."""
    column = pa.array(np.array([0.1, -2.5, np.nan], form.to_pandas_dtype()), form)

    found = reader("a").read(stream_of(pa.table({"a": column})), PATH)

    assert_array_equal(found[:, 0], column.to_numpy().astype(np.float64))


def test_a_nan_that_signals_is_missing_too() -> None:
    """Without a word of the processor's about it."""
    signalling = np.array([0x7FA00000], np.uint32).view(np.float32)

    assert np.isnan(reader("a").read(stream_of(pa.table({"a": signalling})), PATH)).all()


@pytest.mark.parametrize("beyond", [(1 << 53) + 1, -(1 << 53) - 1])
def test_an_integer_that_float64_has_not_is_refused(beyond: int) -> None:
    """By its column and row; behind a null lies nothing that anybody said."""
    content = stream_of(pa.table({"a": [1, beyond]}))
    behind_a_null = pa.array(np.array([1, beyond]), mask=np.array([False, True]))

    ((path, why),) = refusal(content, "a")
    found = reader("a").read(stream_of(pa.table({"a": behind_a_null})), PATH)

    assert (path, "row 1" in why) == (f'{PATH}["a"]', True)
    assert_array_equal(found[:, 0], [1.0, np.nan])


def test_polars_writes_what_is_read() -> None:
    """With its own padding and versions."""
    frame = pl.DataFrame({"b": [1, None, 3], "a": [0.5, None, 2.0], "c": [True, False, None]})

    found = reader().read(polars_stream(frame), PATH)

    assert_array_equal(found, [[0.5, 1.0, 1.0], [np.nan, np.nan, 0.0], [2.0, 3.0, np.nan]])


def test_a_slice_of_a_table_is_its_rows() -> None:
    """Bitmaps begin in the middle of a byte then."""
    table = table_of(("a",), np.where(np.arange(50.0) % 3 == 0, np.nan, np.arange(50.0))[:, None])

    found = reader("a").read(stream_of(table.slice(13, 21)), PATH)

    assert_array_equal(found[:, 0], table["a"].to_numpy()[13:34])


def test_each_chunk_may_have_a_schema_of_its_own() -> None:
    """A reader remembers the last one and no more."""
    one = reader()

    swapped = one.read(stream_of(ROWS.select(["c", "b", "a"])), PATH)
    plain = [one.read(stream_of(ROWS), PATH) for _ in range(2)]

    for each in plain:
        assert_array_equal(each, swapped)


@pytest.mark.parametrize(
    ("table", "column", "word"),
    [
        (ROWS.drop_columns(["b"]), "b", "is not there"),
        (ROWS.append_column("d", pa.array([1.0] * 3)), "d", "is not a feature"),
        (ROWS.append_column("a", pa.array([1.0] * 3)), "a", "is there twice"),
        (ROWS.set_column(1, "b", pa.array(["x"] * 3)), "b", "cast it to float64"),
        (ROWS.set_column(1, "b", pa.array([1.0] * 3).dictionary_encode()), "b", "cast it to float64"),
        (ROWS.set_column(1, "b", pa.array([[1.0]] * 3)), "b", "cast it to float64"),
        (ROWS.set_column(1, "b", pa.nulls(3)), "b", "cast it to float64"),
        (ROWS.set_column(1, "b", pa.array([1, 2, 3], pa.decimal128(5))), "b", "cast it to float64"),
        (ROWS.set_column(1, "b", pa.array([1, 2, 3], pa.date32())), "b", "cast it to float64"),
    ],
)
def test_columns_that_are_not_the_features_are_refused_by_name(table: pa.Table, column: str, word: str) -> None:
    """Missing, foreign, doubled, or no plain numbers."""
    told = dict(refusal(stream_of(table)))

    assert word in told[f'{PATH}["{column}"]']


def test_of_too_many_columns_no_feature_is_said_to_be_missing() -> None:
    """Also if more columns that are none stand before it than are read."""
    table = pa.table({"d": [1.0] * 3, "e": [1.0] * 3}).append_column("f", pa.array([1.0] * 3))
    for name in NAMES:
        table = table.append_column(name, ROWS[name])

    told = refusal(stream_of(table))

    assert [(path, "not a feature" in why) for path, why in told] == [(f'{PATH}["{name}"]', True) for name in "def"]


def test_features_that_are_missing_are_told_in_their_order() -> None:
    """The same words whenever the same is sent."""
    told = refusal(stream_of(pa.table({"f7": [1.0]})), *(f"f{place}" for place in range(90)))

    assert [path for path, _ in told] == [f'{PATH}["f{place}"]' for place in range(51) if place != 7]


def test_many_wrong_columns_are_told_in_part() -> None:
    """At most fifty, however many a schema has."""
    wide = pa.table({f"x{place}": [1.0] for place in range(5_000)})

    assert len(refusal(stream_of(wide), *(f"f{place}" for place in range(200)))) == 50


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "cut off"),
        (b"PAR1" * 8, "no message"),
        (stream_of(ROWS)[:-8], "cut off"),
        (stream_of(ROWS) + b"\0", "end mark"),
        (stream_of(ROWS.slice(0, 0)), "no row"),
        (stream_of(ROWS, compression="zstd"), "compressed"),
        (stream_of(ROWS, compression="lz4"), "compressed"),
        (stream_of(pa.table({name: np.zeros(LARGEST + 1) for name in NAMES})), "too large"),
    ],
)
def test_what_is_no_such_stream_is_refused_as_a_whole(content: bytes, word: str) -> None:
    """By the field that holds it."""
    ((path, why),) = refusal(content)

    assert path == PATH
    assert word in why


def test_batches_are_counted_before_they_are_read() -> None:
    """Empty ones cost as much as others."""
    batch = pa.record_batch({"a": pa.array([], pa.float64())})
    content = io.BytesIO()
    with pa.ipc.new_stream(content, batch.schema) as writer:
        for _ in range(MAX_BATCHES + 1):
            writer.write_batch(batch)

    assert str(MAX_BATCHES) in refusal(content.getvalue(), "a")[0][1]


@pytest.mark.parametrize("write", [stream_of, lambda table: polars_stream(pl.DataFrame(table))])
def test_damaged_streams_are_refused_or_read_and_nothing_else(write: Callable[[pa.Table], bytes]) -> None:
    """Rows where the damage hit only numbers, InvalidInput otherwise; no other error, whatever the bytes."""
    table, chance = pa.concat_tables([ROWS] * 4), random.Random(17)  # noqa: S311  # it damages and guards nothing
    content, one = write(table), reader()
    paths: list[str] = []
    shapes: set[tuple[int, ...]] = set()

    for _ in range(DAMAGED_STREAMS // 2):
        try:
            shapes.add(one.read(damaged(chance, content), PATH).shape)
        except InvalidInput as error:
            paths.append(error.fields[0])

    assert DAMAGED_STREAMS // 4 < len(paths) < DAMAGED_STREAMS // 2
    assert all(path.startswith(PATH) for path in paths)
    assert {columns for _rows, columns in shapes} == {len(NAMES)}
