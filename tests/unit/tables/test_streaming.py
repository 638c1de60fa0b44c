"""Tables that are checked while they are read hold what they hold when they are checked before."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from shared.errors import InvalidInput
from shared.features.building import build_features, fit_features
from shared.features.levels import fit_levels
from shared.features.sets import SPECIFICATIONS, FeatureSet
from shared.features.tables import FeatureTables
from shared.tables import csv_blocks
from shared.tables.parsing.library import compiled
from shared.tables.reading import open_tables
from shared.tables.schema import TABLES
from shared.tables.streaming import StreamedTables, stream_tables
from tests.unit.tables.conftest import Copy
from tests.unit.tables.copies import append, edit


def _read(tables: StreamedTables, name: str) -> pl.DataFrame:
    """Return all rows of a table, its codes turned into texts."""
    rows = tables.frames[name].collect()
    codes = tables.codes.get(name, {})
    texts = {column: pl.Series(known.texts, dtype=pl.String) for column, known in codes.items()}
    code = {column: pl.when(pl.col(column) >= 0).then(pl.col(column)) for column in codes}
    decoded = rows.with_columns(pl.lit(texts[column]).gather(code[column]).alias(column) for column in codes)
    return decoded.cast({column: pl.String for column, kind in rows.schema.items() if isinstance(kind, pl.Enum)})


@pytest.mark.parametrize(
    ("kind", "parser"),
    [("csv", compiled), ("csv", lambda: None), ("parquet", compiled)],
    ids=["csv", "csv without AVX-512 or a compiler", "parquet"],
)
def test_rows_and_reports_are_those_of_tables_checked_before(
    small_directories: dict[str, Path], kind: str, parser: Callable[[], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Values to the last bit, missing cells, the order of rows and columns."""
    monkeypatch.setattr(csv_blocks, "compiled", parser)
    streamed, checked = stream_tables(small_directories[kind]), open_tables(small_directories[kind])

    for name in TABLES:
        assert _read(streamed, name).equals(checked.frames[name].collect(), null_equal=True), name
    assert streamed.reports() == checked.reports


@pytest.mark.parametrize(
    "damage",
    [b'7,-1,"C\n' + b'7,-1,"0"\n' * 600_000 + b'7,-1,C"\n', b"7,-1," + b"C" * 6_000_000 + b"\n"],
    ids=["quote closed far behind", "line without an end"],
)
def test_a_row_that_goes_on_and_on_is_refused(copy: Copy, damage: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without holding all of the file, and without counting its quotes for each line again: a minute for 4 MB."""
    monkeypatch.setattr(csv_blocks, "_LONGEST_ROW_BYTES", 1 << 20)
    directory = copy("csv")
    edit(directory, "bureau_balance", lambda content: content + damage)

    with pytest.raises(InvalidInput) as caught:
        stream_tables(directory).frames["bureau_balance"].collect()

    assert caught.value.reason == "TABLE_UNREADABLE"


def test_small_blocks_give_the_same_rows(small_directories: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever they end: inside a row, a number, a quoted text."""
    before = open_tables(small_directories["csv"]).frames
    monkeypatch.setattr(csv_blocks, "_BLOCK_BYTES", 1_009)

    for name in ("bureau", "previous_application"):
        assert _read(stream_tables(small_directories["csv"]), name).equals(before[name].collect(), null_equal=True)


def test_a_second_reading_has_the_columns_that_are_asked_for(small_directories: dict[str, Path]) -> None:
    """The first one parses all of them, since it checks them."""
    tables = stream_tables(small_directories["csv"])
    whole = tables.frames["bureau"].collect()

    asked = tables.frames["bureau"].select("AMT_ANNUITY", "CREDIT_TYPE").filter(pl.col("CREDIT_TYPE") == 0).collect()

    assert asked.equals(whole.select("AMT_ANNUITY", "CREDIT_TYPE").filter(pl.col("CREDIT_TYPE") == 0))
    assert tables.frames["bureau"].head(7).collect().equals(whole.head(7))


def test_keys_alone_are_parsed_alone_and_the_rows_checked_afterwards(copy: Copy) -> None:
    """Who needs them before the rows does not pay for the rows twice; what is wrong with those is still found."""
    directory = copy("csv")
    keys = open_tables(directory).frames["bureau"].select("SK_ID_BUREAU").collect()
    append(directory, "bureau", "1")
    bureau = stream_tables(directory).frames["bureau"]

    assert bureau.select("SK_ID_BUREAU").collect().equals(keys)
    with pytest.raises(InvalidInput) as caught:
        bureau.collect()

    assert caught.value.reason == "TABLE_UNREADABLE"


def test_a_text_among_keys_that_are_read_alone_is_named(copy: Copy) -> None:
    """As it is where all columns are read."""
    directory = copy("csv")
    edit(directory, "bureau_balance", lambda _: b"SK_ID_BUREAU,MONTHS_BALANCE,STATUS\n1,-1,X\nmany,-1,C\n")

    with pytest.raises(InvalidInput) as caught:
        stream_tables(directory).frames["bureau_balance"].select("SK_ID_BUREAU").collect()

    assert [v.field for v in caught.value.violations] == ['tables["bureau_balance"].columns["SK_ID_BUREAU"]']


@pytest.mark.parametrize("block_bytes", [700, 6_000, 1 << 22])
def test_rows_longer_than_a_block_are_whole(copy: Copy, monkeypatch: pytest.MonkeyPatch, block_bytes: int) -> None:
    """A buffer grows to what a row needs, and is used again for shorter ones."""
    long = "x" * (1 << 17)
    text = f'SK_ID_BUREAU,MONTHS_BALANCE,STATUS\n1,-1,"{long}\n"\n2,-1,C\n3,-1,{long}\n4,0,X'
    directory = copy("csv")
    edit(directory, "bureau_balance", lambda _: text.encode())
    monkeypatch.setattr("shared.tables.csv_blocks._BLOCK_BYTES", block_bytes)

    rows = _read(stream_tables(directory), "bureau_balance")

    assert rows["STATUS"].to_list() == [f"{long}\n", "C", long, "X"]


def test_texts_have_codes_and_levels_once_they_were_read(copy: Copy) -> None:
    """Levels are sorted, codes are in the order of the file, what means missing has none."""
    directory = copy("csv")
    edit(directory, "bureau_balance", lambda _: b"SK_ID_BUREAU,MONTHS_BALANCE,STATUS\n1,-1,X\n2,-1,NA\n3,-1,C\n4,0,X\n")
    tables = stream_tables(directory)

    codes = tables.frames["bureau_balance"].collect()["STATUS"]

    assert codes.to_list() == [0, -1, 1, 0]
    assert tables.codes["bureau_balance"]["STATUS"].texts == ("X", "C")
    assert tables.codes["bureau_balance"]["STATUS"].levels == ("C", "X")


def test_numbers_may_be_written_in_any_way_that_keeps_their_value(copy: Copy) -> None:
    """Where a value is missing pandas writes floats; files from elsewhere have a byte order mark and CRLF."""
    directory = copy("csv")
    lines = ["\ufeffSK_ID_BUREAU,MONTHS_BALANCE,STATUS", '1.0,"-2",C', "2,-3e0,X", "3,,0", '4,NaN,"a, b"', '5,0,"a\nb"']
    edit(directory, "bureau_balance", lambda _: "\r\n".join([*lines, ""]).encode())

    rows = _read(stream_tables(directory), "bureau_balance")

    assert rows["SK_ID_BUREAU"].to_list() == [1, 2, 3, 4, 5]
    assert rows["MONTHS_BALANCE"].to_list() == [-2, -3, None, None, 0]
    assert rows["STATUS"].to_list() == ["C", "X", "0", "a, b", "a\nb"]


def test_what_is_wrong_ends_the_building_of_features(copy: Copy) -> None:
    """Even in the last row of the last table."""
    directory = copy("csv")
    append(directory, "credit_card_balance", "1")
    tables = stream_tables(directory)

    with pytest.raises(InvalidInput) as caught:
        fit_features(FeatureTables(tables.frames, tables.codes))

    assert caught.value.reason == "TABLE_UNREADABLE"
    assert [violation.field for violation in caught.value.violations] == ['tables["credit_card_balance"]']


@pytest.mark.parametrize("features", FeatureSet)
def test_features_and_levels_are_those_of_tables_checked_before(
    small_directories: dict[str, Path], features: FeatureSet
) -> None:
    """To the last bit, though the levels are not known until the rows were read."""
    specification = SPECIFICATIONS[features]
    checked = open_tables(small_directories["csv"]).frames
    streamed = stream_tables(small_directories["csv"])

    levels, table = fit_features(FeatureTables(streamed.frames, streamed.codes), specification)

    expected = fit_levels(checked, specification)
    assert levels.tables == expected.tables
    assert table.frame.equals(build_features(checked, expected, specification).frame, null_equal=True)
    assert table.unseen == {}
