"""The compiled parser has what Arrow has, to the bit, or leaves it to Arrow."""

import gc
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.compiling import CompiledLibrary
from shared.tables import csv_blocks
from shared.tables.arrow_blocks import ArrowBlock, arrow_block
from shared.tables.csv_blocks import Block
from shared.tables.parsing.library import compiled, loaded
from shared.tables.parsing.memory import Memory
from shared.tables.parsing.native import MOST_TEXTS, ParsedBlock, Parser
from shared.tables.schema import TableSchema
from shared.tables.sources import MISSING_TEXTS
from shared.tables.streaming import stream_tables
from shared.tables.text_codes import TextCodes

HEADER = ("whole", "real", "text", "other")
SCHEMA = TableSchema("table", {"whole": pl.Int64, "real": pl.Float64, "text": pl.String})
PADDING = 70

common = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**9), max_value=10**9).map(str),
    st.integers(-(10**17), 10**17).map(str),
    st.sampled_from(["", "-0.0", "-0", "007", ".5", "5.", "-.25", "9007199254740993", "0.1234567890123456789"]),
)
whole = st.one_of(
    st.integers(-(10**6), 10**6).map(str),
    st.integers(-(2**63), 2**63 - 1).map(str),
    st.sampled_from(["", "NA", "-0", "007"]),
)
text = st.one_of(
    st.sampled_from(["", "X", '"Spouse, partner"', '"X"', '"two\nlines"', '""', '"NA"', "é", *MISSING_TEXTS]),
    st.text("abc é", max_size=40),
)
odd_numbers = "1.5|5.|-0.|+1| 1|1e5|1e|1e400|1e-400|inf|-|.|-.|1.2.3|--1|0x1F|9223372036854775808|1-|true|nan(1)|1\0"
odd_texts = '"1"|"a""b"|a"b|a"b,c"d|"a"b|a,b|\r|\n|1,2,3|"'
strange = st.sampled_from([*odd_numbers.split("|"), *odd_texts.split("|")])


def parser(header: Sequence[str] = HEADER, schema: TableSchema = SCHEMA) -> Parser:
    """Return a parser of the schema's columns."""
    library = compiled()
    if library is None:
        pytest.skip("there is no C++ compiler, or the machine has not got AVX-512 with VBMI2")
    return Parser(library, header, schema, tuple(schema.columns), Memory())


def parsed(content: bytes, header: Sequence[str] = HEADER, schema: TableSchema = SCHEMA) -> ParsedBlock | None:
    """Parse what stands in the midst of a buffer, among bytes that would be numbers."""
    buffer = bytearray(b"1" * PADDING + content + b"1" * PADDING)
    return parser(header, schema).parse(buffer, PADDING, PADDING + len(content))


def by_arrow(content: bytes) -> ArrowBlock:
    """Parse the same by Arrow."""
    return arrow_block(memoryview(content), HEADER, SCHEMA, tuple(SCHEMA.columns), quoted=b'"' in content)


Content = tuple[object, ...]


def content_of(block: Block) -> Content:
    """Return all that a block tells, numbers as their bits: equal if and only if it is the same."""
    known = TextCodes.of(["b", "X"])
    numbers = [block.numbers(name) for name in ("whole", "real")]
    bits = [
        (str(values.dtype), values.is_null().to_list(), values.fill_null(0).to_numpy().tobytes()) for values in numbers
    ]
    unfit = [block.unfit(name) for name in ("whole", "real")]
    return block.n_rows, block.uneven, unfit, bits, block.codes("text", known).to_list(), known.texts, known.levels


def lines(rows: Sequence[Sequence[str]]) -> bytes:
    """Return rows as they stand in a file."""
    return "\n".join(",".join(row) for row in rows).encode()


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(whole, common, text, text), min_size=1, max_size=150), st.sampled_from(["", "\n"]))
def test_what_files_consist_of_is_parsed_as_arrow_does(rows: list[tuple[str, ...]], end: str) -> None:
    """Signs, exponents, long decimals, huge numbers, missing values, quoted texts; the last newline there or not."""
    content = lines(rows) + end.encode()

    block = parsed(content)

    assert block is not None
    assert content_of(block) == content_of(by_arrow(content))


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(*[st.one_of(common, whole, text, strange)] * 4), min_size=1, max_size=6),
    st.sampled_from(["", "\n", "\r\n", "\n\n", "\n,,,\n", "\nx"]),
)
def test_what_is_strange_is_parsed_as_arrow_does_or_left_to_it(rows: list[tuple[str, ...]], end: str) -> None:
    """Above all, nothing that Arrow finds fault with is taken."""
    content = lines(rows) + end.encode()

    block = parsed(content)

    assert block is None or content_of(block) == content_of(by_arrow(content))


@pytest.mark.parametrize("cell", ["5.", "-0.", "1.0", "12345678901234.", "1e2", "-", "+1", "0x1F", "true", "1e400"])
def test_what_is_no_whole_number_is_left_to_arrow(cell: str) -> None:
    """Also where it ends with its point: then all whole numbers of the block come as Float64."""
    assert parsed(b"9007199254740993,2,X,4\n%b,2,X,4\n" % cell.encode()) is None


@pytest.mark.parametrize(
    "cell",
    [
        b"\xff",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe9",
        b'"\xff"',
        b"\x80" * 6 + b"\x84\x8f\xbf\xbf",
        b"\xf8" + b"\x80" * 9,
    ],
)
def test_a_text_in_another_encoding_is_left_to_arrow(cell: bytes) -> None:
    """It says that this is no UTF-8."""
    content = b"1,2,%b,4\n" % cell

    assert parsed(content) is None
    with pytest.raises(pa.ArrowInvalid):
        by_arrow(content)


def test_many_different_texts_are_left_to_arrow() -> None:
    """A column of names or remarks: its codes would not fit, and nothing is gained."""
    few, many = MOST_TEXTS - len(MISSING_TEXTS), MOST_TEXTS
    rows = {count: b"".join(b"1,2,%d,4\n" % number for number in range(count)) for count in (few, many)}

    block = parsed(rows[few])

    assert block is not None
    assert len(block.texts["text"]) == few
    assert parsed(rows[many]) is None


def test_rows_of_many_columns_and_long_texts_are_parsed() -> None:
    """Also where a few rows are more than is looked at together."""
    names = [f"c{number}" for number in range(300)]
    schema = TableSchema("wide", dict.fromkeys(names[:-1], pl.Float64) | {names[-1]: pl.String})
    values = np.random.default_rng(3).normal(size=(200, 299)).round(6)
    rows = [[*map(str, row), "long " * (20 + place % 3)] for place, row in enumerate(values.tolist())]

    block = parsed(lines(rows), header=names, schema=schema)

    assert block is not None
    assert np.array_equal(np.column_stack([block.numbers(name).to_numpy() for name in names[:-1]]), values)
    assert block.codes(names[-1], TextCodes()).to_list() == [place % 3 for place in range(200)]


def test_there_is_no_parser_where_it_was_not_compiled_or_the_machine_lacks_what_it_takes(tmp_path: Path) -> None:
    """Neither is an error: Arrow parses everything there."""
    source = tmp_path / "parser.cpp"
    source.write_text('extern "C" int is_able() { return 0; }')
    lacking = CompiledLibrary(source)

    assert loaded(lacking) is None
    if shutil.which("c++"):
        lacking.build()
    assert loaded(lacking) is None


def test_tables_as_they_are_written_are_all_parsed_by_the_parser(
    small_directories: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in them, not even a quoted text, is left to Arrow."""
    parser()
    monkeypatch.setattr(csv_blocks, "arrow_block", lambda *_, **__: pytest.fail("a block was left to Arrow"))

    assert all(report.rows for report in stream_tables(small_directories["csv"]).reports())


def test_memory_is_used_again_once_nothing_refers_to_it() -> None:
    """And not before: a series lives on what was parsed into it."""
    memory = Memory()
    taken = memory.take(1_000)
    address, buffer = taken.ctypes.data, pa.py_buffer(taken)
    del taken

    assert memory.take(1_000).ctypes.data != address
    del buffer
    gc.collect()

    assert address in {again.ctypes.data for again in [memory.take(500), memory.take(500)]}
