"""What a look at the source rules out is told before long work; what only long work shows is left to it."""

from contextlib import ExitStack
from pathlib import Path

import polars as pl
import pytest

from services.trainer import foresight
from services.trainer.dataset_sources import described_columns, read_rows
from services.trainer.domain.cleaning import CleaningOptions, Imputation
from services.trainer.domain.dataset import DatasetPlan
from services.trainer.domain.sources import HomeCreditTables, PreparedTable, Source
from services.trainer.foresight import refuse_hopeless
from services.trainer.source_samples import MOST_APPLICANTS
from services.trainer.turns import looking_turns
from shared.errors import CounterfoilError
from shared.features.levels import any_levels
from shared.features.sets import SPECIFICATIONS, FeatureSet
from shared.turns import AT_ONCE, Turns
from tests.synthetic_tables import write_tables

_TABLES = HomeCreditTables("tables")
_OWN = PreparedTable("own.csv", "client", "outcome")
_NOTHING_VARIES = CleaningOptions(Imputation.NONE, min_variance=1e300)
_TRAIN_ROWS = 72


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the eight tables and a table of a lender's own."""
    folder = tmp_path_factory.mktemp("root")
    write_tables(folder / "tables")
    rows = range(90)
    outcomes = [row % 3 // 2 for row in rows]
    pl.DataFrame({"client": rows, "outcome": outcomes, "age": rows, "income": rows, "flat": 1}).write_csv(
        folder / "own.csv"
    )
    return folder


def _plan(source: Source, options: CleaningOptions, *barred: str) -> DatasetPlan:
    return DatasetPlan(source, 0.2, 4, options, barred_columns=barred)


def _refusal(
    root: Path, plan: DatasetPlan, *, train_rows: int = _TRAIN_ROWS, turns: Turns | None = None
) -> tuple[str, list[str]]:
    """Return reason and fields of what is said against a plan, nothing if it may be tried."""
    try:
        refuse_hopeless(plan, root, train_rows=train_rows, turns=looking_turns() if turns is None else turns)
    except CounterfoilError as error:
        return error.reason, list(error.fields)
    return "", []


@pytest.mark.parametrize("source", [_TABLES, _OWN])
def test_small_tables_of_which_nothing_would_be_left_are_refused(root: Path, source: Source) -> None:
    """They were looked at as a whole, so that the job could do no better."""
    assert _refusal(root, _plan(source, _NOTHING_VARIES)) == ("NO_COLUMN_LEFT", [])


def test_options_that_leave_something_are_not_in_the_way(root: Path) -> None:
    """Cleaning sees what barring leaves: here a column that never varies."""
    options = CleaningOptions(Imputation.NONE, min_variance=1.0)

    assert _refusal(root, _plan(_OWN, options)) == ("", [])
    assert _refusal(root, _plan(_OWN, options, "age")) == ("", [])
    assert _refusal(root, _plan(_OWN, options, "age", "income")) == ("NO_COLUMN_LEFT", [])


def test_what_is_large_is_left_to_the_job(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By rows, and by bytes: reading it is the long work."""
    plan = _plan(_OWN, _NOTHING_VARIES)

    assert _refusal(root, plan, train_rows=MOST_APPLICANTS + 1) == ("", [])
    monkeypatch.setattr(foresight, "_QUICK_BYTES", 10)
    assert _refusal(root, plan) == ("", [])


def test_a_look_at_the_source_waits_for_its_turn(root: Path) -> None:
    """So that many requests at once hold no more samples in memory than two; what needs no look needs no turn."""
    turns = looking_turns(patience_s=0.01)

    with ExitStack() as looking:
        for _ in range(AT_ONCE):
            looking.enter_context(turns.turn())
        hopeless = _refusal(root, _plan(_OWN, _NOTHING_VARIES), turns=turns)
        harmless = _refusal(root, _plan(_OWN, CleaningOptions(Imputation.NONE)), turns=turns)

    assert (hopeless, harmless) == (("INSPECTIONS_BUSY", []), ("", []))
    assert _refusal(root, _plan(_OWN, _NOTHING_VARIES), turns=turns) == ("NO_COLUMN_LEFT", [])


@pytest.mark.parametrize(
    ("source", "barred", "reason", "fields"),
    [
        (_OWN, ["age"], "", []),
        (_OWN, ["agee", "age", "outcome"], "COLUMN_MISSING", ["barred_columns[0]", "barred_columns[2]"]),
        (_OWN, ["age", "prepared.income", "flat"], "NO_FEATURE", ["barred_columns"]),
        (_TABLES, ["CODE_GENDER", "bureau.CREDIT_TYPE", "application.DAYS_BIRTH"], "", []),
        (_TABLES, ["CREDIT_TYPE"], "COLUMN_MISSING", ["barred_columns[0]"]),
        (
            _TABLES,
            [f"MISSPELT_{place}" for place in range(30)],
            "COLUMN_MISSING",
            [*(f"barred_columns[{place}]" for place in range(20)), "barred_columns"],
        ),
    ],
)
def test_barred_columns_are_judged_by_headers(
    root: Path, source: Source, barred: list[str], reason: str, fields: list[str]
) -> None:
    """A misspelt one, and nothing left, whatever the size of the tables."""
    plan = _plan(source, CleaningOptions(Imputation.NONE), *barred)

    assert _refusal(root, plan, train_rows=1 << 40) == (reason, fields)


@pytest.mark.parametrize("features", list(FeatureSet))
def test_what_features_could_be_made_of_is_what_they_are_made_of(root: Path, features: FeatureSet) -> None:
    """Else a column would be refused that has a part, or taken that has none."""
    source, specification = HomeCreditTables("tables", features), SPECIFICATIONS[features]
    made = read_rows(source, root, lambda *_: None).features

    tables = [file.stem for file in (root / "tables").iterdir()]
    possible = described_columns(any_levels(tables, specification), specification)

    assert {each for feature in possible for each in feature.sources} == {
        each for feature in made for each in feature.sources
    }
