"""Tables that cannot be used are refused with an error that names table and column."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from shared.errors import InvalidInput
from shared.tables.reading import open_tables
from shared.tables.streaming import stream_tables
from tests.unit.tables.conftest import Copy
from tests.unit.tables.copies import append, edit, fill, rewrite

_BALANCE = 'tables["bureau_balance"]'
_MONTHS = f'{_BALANCE}.columns["MONTHS_BALANCE"]'
_STATUS = f'{_BALANCE}.columns["STATUS"]'
_KEY = f'{_BALANCE}.columns["SK_ID_BUREAU"]'
_TARGET = 'tables["application_train"].columns["TARGET"]'


@dataclass(frozen=True)
class _Damage:
    """What is done to the tables of a format, and the reason and field path of the error."""

    file_format: str
    do: Callable[[Path], object]
    reason: str
    path: str


def _months(values: pl.Expr) -> Callable[[Path], object]:
    return lambda d: fill(d, "bureau_balance", MONTHS_BALANCE=values)


def _cut(share: float) -> Callable[[Path], object]:
    return lambda d: edit(d, "bureau_balance", lambda content: content[: int(len(content) * share)])


def _twice(table: str) -> Callable[[Path], object]:
    return lambda d: rewrite(d, table, lambda frame: pl.concat([frame, frame.head(1)]))


def _applicant_in_both(directory: Path) -> None:
    labelled = pl.read_parquet(directory / "application_train.parquet").head(2).drop("TARGET")
    rewrite(directory, "application_test", lambda frame: pl.concat([frame, labelled]))


_DAMAGES = {
    "no application_train": _Damage(
        "parquet", lambda d: (d / "application_train.parquet").unlink(), "TABLE_MISSING", 'tables["application_train"]'
    ),
    "parquet without rows": _Damage(
        "parquet", lambda d: rewrite(d, "bureau_balance", lambda f: f.clear()), "TABLE_EMPTY", _BALANCE
    ),
    "csv without rows": _Damage(
        "csv", lambda d: edit(d, "bureau_balance", lambda text: text.split(b"\n")[0]), "TABLE_EMPTY", _BALANCE
    ),
    "csv of no byte": _Damage("csv", _cut(0), "TABLE_EMPTY", _BALANCE),
    "parquet of no byte": _Damage("parquet", _cut(0), "TABLE_UNREADABLE", _BALANCE),
    "parquet cut short": _Damage("parquet", _cut(0.7), "TABLE_UNREADABLE", _BALANCE),
    "csv cut inside a row": _Damage(
        "csv", lambda d: edit(d, "bureau_balance", lambda text: text + b"70"), "TABLE_UNREADABLE", _BALANCE
    ),
    "csv row with too many values": _Damage(
        "csv", lambda d: append(d, "bureau_balance", "7", "-1", "C", "0"), "TABLE_UNREADABLE", _BALANCE
    ),
    "csv cut inside a quoted text": _Damage(
        "csv", lambda d: append(d, "bureau_balance", "7", "-1", '"C'), "TABLE_UNREADABLE", _BALANCE
    ),
    "csv in another encoding": _Damage(
        "csv", lambda d: edit(d, "bureau_balance", lambda text: text + b"7,-1,\xe9\n"), "TABLE_UNREADABLE", _BALANCE
    ),
    "column not there": _Damage(
        "parquet", lambda d: rewrite(d, "bureau_balance", lambda f: f.drop("STATUS")), "COLUMN_MISSING", _STATUS
    ),
    "csv column not there": _Damage(
        "csv", lambda d: edit(d, "bureau_balance", lambda t: t.replace(b"STATUS", b"STATE")), "COLUMN_MISSING", _STATUS
    ),
    "text instead of numbers": _Damage("parquet", _months(pl.lit("1")), "COLUMN_TYPE", _MONTHS),
    "booleans instead of numbers": _Damage("parquet", _months(pl.lit(value=True)), "COLUMN_TYPE", _MONTHS),
    "numbers instead of text": _Damage(
        "parquet", lambda d: fill(d, "bureau_balance", STATUS=pl.lit(1)), "COLUMN_TYPE", _STATUS
    ),
    "fraction among whole numbers": _Damage("parquet", _months(pl.lit(-1.5)), "COLUMN_TYPE", _MONTHS),
    "decimal among whole numbers": _Damage(
        "parquet", _months(pl.lit("-1.5").cast(pl.Decimal(8, 2))), "COLUMN_TYPE", _MONTHS
    ),
    "number beyond Int64": _Damage("parquet", _months(pl.lit(2**64 - 1, pl.UInt64)), "COLUMN_TYPE", _MONTHS),
    "infinity": _Damage("csv", lambda d: append(d, "bureau_balance", "7", "inf", "C"), "COLUMN_TYPE", _MONTHS),
    "csv text in numbers": _Damage(
        "csv", lambda d: append(d, "bureau_balance", "7", "last", "C"), "COLUMN_TYPE", _MONTHS
    ),
    "row without identifier": _Damage(
        "csv", lambda d: append(d, "bureau_balance", "", "-1", "C"), "KEY_MISSING", _KEY
    ),
    "identifier NaN": _Damage(
        "parquet", lambda d: fill(d, "bureau_balance", SK_ID_BUREAU=pl.lit(float("nan"))), "KEY_MISSING", _KEY
    ),
    "applicant twice": _Damage(
        "parquet", _twice("application_train"), "DUPLICATE_KEY", 'tables["application_train"].columns["SK_ID_CURR"]'
    ),
    "credit twice": _Damage(
        "parquet", _twice("bureau"), "DUPLICATE_KEY", 'tables["bureau"].columns["SK_ID_BUREAU"]'
    ),
    "applicant labelled and not": _Damage(
        "parquet", _applicant_in_both, "DUPLICATE_KEY", 'tables["application_test"].columns["SK_ID_CURR"]'
    ),
    "label beyond 0 and 1": _Damage(
        "parquet", lambda d: fill(d, "application_train", TARGET=pl.lit(2)), "TARGET_INVALID", _TARGET
    ),
    "label missing": _Damage(
        "parquet", lambda d: fill(d, "application_train", TARGET=pl.lit(None, pl.Float64)), "TARGET_INVALID", _TARGET
    ),
}  # fmt: skip


def _streamed(directory: Path) -> None:
    """Read each table once, as a data set's job does."""
    for frame in stream_tables(directory).frames.values():
        frame.collect()


@pytest.mark.parametrize("read", [open_tables, _streamed])
@pytest.mark.parametrize("damage", _DAMAGES.values(), ids=_DAMAGES)
def test_damage_is_refused_by_reason_table_and_column(
    copy: Copy, damage: _Damage, read: Callable[[Path], object]
) -> None:
    """The reason is stable, the path is the one a client would write, whoever reads the tables."""
    directory = copy(damage.file_format)
    damage.do(directory)

    with pytest.raises(InvalidInput) as caught:
        read(directory)

    assert caught.value.reason == damage.reason
    assert [violation.field for violation in caught.value.violations] == [damage.path]


def test_every_missing_column_is_named_at_once(copy: Copy) -> None:
    """Nobody should have to run it once per column."""
    directory = copy("parquet")
    rewrite(directory, "bureau_balance", lambda frame: frame.select("SK_ID_BUREAU"))

    with pytest.raises(InvalidInput) as caught:
        open_tables(directory)

    assert [violation.field for violation in caught.value.violations] == [_MONTHS, _STATUS]


@pytest.mark.parametrize("read", [open_tables, _streamed])
def test_text_in_numbers_is_found_by_row(copy: Copy, read: Callable[[Path], object]) -> None:
    """Rows are counted from the first after the header, so that an editor finds it."""
    directory = copy("csv")
    edit(directory, "bureau_balance", lambda _: b"SK_ID_BUREAU,MONTHS_BALANCE,STATUS\n1,-1,C\n2,none?,C\n")

    with pytest.raises(InvalidInput, match="data row 2 "):
        read(directory)


def test_a_directory_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """The server's path is not told."""
    with pytest.raises(InvalidInput) as caught:
        open_tables(tmp_path / "nowhere")

    assert caught.value.reason == "DIRECTORY_MISSING"
    assert "nowhere" not in str(caught.value)
