"""The header alone refuses what can never work, before any row is read."""

import polars as pl
import pytest

from services.trainer.domain.prepared.header import LONGEST_COLUMN_NAME, check_header, feature_names
from services.trainer.domain.sources import Bounds, PreparedTable
from tests.unit.trainer.prepared.refused import refusal

_SOURCE = PreparedTable("t.csv", "id", "bad")
_TEXT, _DATE = pl.String(), pl.Date()


def _texts(*names: str) -> list[tuple[str, pl.DataType]]:
    return [(name, _TEXT) for name in names]


def test_a_sound_header_passes_and_its_features_keep_their_order() -> None:
    """Identifier and target may stand anywhere."""
    header = _texts("zeta", "id", "alpha", "bad", "größe (m²)")

    check_header(header, _SOURCE)

    assert feature_names(header, _SOURCE) == ["zeta", "alpha", "größe (m²)"]


@pytest.mark.parametrize(
    ("names", "reason", "fields"),
    [
        (("age", "bad"), "COLUMN_MISSING", ["prepared.id_column"]),
        (("age",), "COLUMN_MISSING", ["prepared.id_column", "prepared.target_column"]),
        (("id;bad;age",), "COLUMN_MISSING", ["prepared.id_column", "prepared.target_column"]),
        (("id", "bad"), "NO_FEATURE", ["prepared.path"]),
        (("id", "bad", "age", "age"), "COLUMN_NAME", ['prepared.columns["age"]']),
        (("id", "bad", " "), "COLUMN_NAME", ["prepared.path"]),
        (("id", "bad", "a\nb"), "COLUMN_NAME", ['prepared.columns["a\\nb"]']),
        (("id", "bad", "x" * (LONGEST_COLUMN_NAME + 1)), "COLUMN_NAME", [f'prepared.columns["{"x" * 101}"]']),
    ],
)
def test_each_fault_of_the_names_is_told(names: tuple[str, ...], reason: str, fields: list[str]) -> None:
    """With the field that names the column, or the file where no column can be named."""
    assert refusal(lambda: check_header(_texts(*names), _SOURCE)) == (reason, fields)


def test_texts_and_bounds_are_of_feature_columns() -> None:
    """A misspelt name would silently do nothing; identifier and target are no features."""
    source = PreparedTable("t.csv", "id", "bad", "", {"aeg": "Age", "id": "Number"}, {"bad": Bounds(0.0, 1.0)})

    reason, fields = refusal(lambda: check_header(_texts("id", "bad", "age"), source))

    assert reason == "COLUMN_MISSING"
    assert fields == ['prepared.reason_texts["aeg"]', 'prepared.reason_texts["id"]', 'prepared.bounds["bad"]']


def test_stored_types_without_a_clear_number_are_refused_by_column() -> None:
    """All of them at once; a fractional identifier is none."""
    header = [("id", pl.Float64()), ("bad", pl.Int8()), ("born", _DATE), ("seen", pl.Datetime()), ("age", pl.Int64())]

    reason, fields = refusal(lambda: check_header(header, _SOURCE))

    assert reason == "COLUMN_TYPE"
    assert fields == ["prepared.id_column", 'prepared.columns["born"]', 'prepared.columns["seen"]']
    assert refusal(lambda: check_header([("id", _TEXT), ("bad", _DATE), ("age", _TEXT)], _SOURCE))[1] == [
        "prepared.target_column"
    ]


def test_of_many_faulty_columns_the_first_are_named_and_the_rest_counted() -> None:
    """An error has to fit into a message."""
    header = [("id", _TEXT), ("bad", _TEXT), *((f"day {place}", _DATE) for place in range(50))]

    _, fields = refusal(lambda: check_header(header, _SOURCE))

    assert len(fields) == 21
    assert fields[-1] == "prepared.path"
