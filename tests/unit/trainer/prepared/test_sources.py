"""What can never work is refused before a file is looked at."""

import math

import pytest

from services.trainer.domain.sources import (
    Bounds,
    HomeCreditTables,
    PreparedTable,
    Source,
    source_parameters,
    source_violations,
)

_SOUND = PreparedTable("t.csv", "id", "bad", "", {"age": "Age"}, {"age": Bounds(18.0, None), "sum": Bounds(0.0, 0.0)})


def test_a_sound_source_passes() -> None:
    """Bounds may be open on one side, or allow one value."""
    assert source_violations(_SOUND) == []
    assert source_violations(PreparedTable("folder/T.PARQUET", "id", "bad")) == []
    assert source_violations(HomeCreditTables("tables")) == []


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        (HomeCreditTables(""), ["home_credit.directory"]),
        (PreparedTable("", "", ""), ["prepared.path", "prepared.id_column", "prepared.target_column"]),
        (PreparedTable("t.xlsx", "id", "bad"), ["prepared.path"]),
        (PreparedTable("t.csv", "id", "id"), ["prepared.target_column"]),
        (PreparedTable("t.csv", "id", "bad", "", {"age": " "}), ['prepared.reason_texts["age"]']),
        (PreparedTable("t.csv", "id", "bad", "", {'a "b"': "x" * 201}), ['prepared.reason_texts["a \\"b\\""]']),
        (PreparedTable("t.csv", "id", "bad", "", {}, {"age": Bounds()}), ['prepared.bounds["age"]']),
        (PreparedTable("t.csv", "id", "bad", "", {}, {"age": Bounds(2.0, 1.0)}), ['prepared.bounds["age"]']),
        (PreparedTable("t.csv", "id", "bad", "", {}, {"age": Bounds(math.nan, 1.0)}), ['prepared.bounds["age"]']),
        (PreparedTable("t.csv", "id", "bad", "", {}, {"age": Bounds(0.0, math.inf)}), ['prepared.bounds["age"]']),
    ],
)
def test_each_field_that_can_never_work_is_named(source: Source, fields: list[str]) -> None:
    """A form can point at what to mend."""
    assert [violation.field for violation in source_violations(source)] == fields


@pytest.mark.parametrize(
    ("source", "recorded"),
    [
        (HomeCreditTables("first"), {"source": "home_credit", "source_path": "first", "feature_set": "REFERENCE"}),
        (
            PreparedTable("t.csv", "id", "outcome", "bad", {"age": "Age"}),
            {
                "source": "prepared",
                "source_path": "t.csv",
                "id_column": "id",
                "target_column": "outcome",
                "positive": "bad",
            },
        ),
    ],
)
def test_a_run_records_which_file_and_columns_it_goes_back_to(source: Source, recorded: dict[str, str]) -> None:
    """Short enough for a parameter of MLflow, whatever the source."""
    assert source_parameters(source) == recorded
