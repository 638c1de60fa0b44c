"""`counterfoil tables` with the real program behind it, and commands outside a checkout."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from counterfoil.cli.application import counterfoil

ROOT = Path(__file__).parents[2]
_MAIN = "from counterfoil.cli.main import main; main()"


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(counterfoil, ["tables", *arguments])


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Synthesize a hundred applicants."""
    folder = tmp_path_factory.mktemp("tables") / "small"
    outcome = _run("synthesize", str(folder), "--applicants", "100", "--seed", "3", "--json")
    assert json.loads(outcome.stdout)["applicants"] == 100
    return folder


def test_synthesize_writes_eight_tables(tables: Path) -> None:
    """All of Kaggle's names are there."""
    assert len(list(tables.glob("*.parquet"))) == 8


def test_synthesize_never_replaces_tables_unasked(tables: Path) -> None:
    """The program's own error, with its reason, is the command's."""
    outcome = _run("synthesize", str(tables), "--applicants", "100", "--seed", "3")

    assert outcome.exit_code == 1
    assert outcome.stderr.endswith("(TABLES_EXIST)\n")


def test_synthesize_shows_its_progress(tmp_path: Path) -> None:
    """On stderr, so that stdout stays empty."""
    outcome = _run("synthesize", str(tmp_path / "new"), "--applicants", "60", "--seed", "3")

    assert outcome.exit_code == 0
    assert outcome.stdout == ""
    assert "100% drawing applicants" in outcome.stderr


def test_applicants_are_those_of_the_split_without_the_dropped_ones(tables: Path) -> None:
    """One identifier a line; nobody is named whom no data set holds."""
    production = _run("applicants", str(tables), "--first", "5")
    labelled = _run("applicants", str(tables), "--split", "labelled", "--first", "1000", "--json")

    application_train = pl.read_parquet(tables / "application_train.parquet")
    known = application_train.filter(pl.col("CODE_GENDER") != "XNA")["SK_ID_CURR"].to_list()
    assert len(production.stdout.splitlines()) == 5
    assert json.loads(labelled.stdout)["applicants"] == [str(identifier) for identifier in known]


def test_folder_without_tables_is_a_clear_error(tmp_path: Path) -> None:
    """The table is named."""
    outcome = _run("applicants", str(tmp_path))

    assert outcome.exit_code == 1
    assert "application_test" in outcome.stderr
    assert "(TABLE_MISSING)" in outcome.stderr


def test_published_package_without_a_checkout_says_what_is_missing(tmp_path: Path) -> None:
    """The wheel holds no service: its command must say so instead of failing somewhere inside."""
    site = tmp_path / "site"
    for part in ("protos", "clients"):
        shutil.copytree(ROOT / part / "python" / "counterfoil", site / "counterfoil", dirs_exist_ok=True)
    # The copy's package path alone, else the editable installation would lead back to the checkout.
    program = f"import counterfoil; counterfoil.__path__ = [{str(site / 'counterfoil')!r}]; {_MAIN}"

    outcome = subprocess.run(
        [sys.executable, "-c", program, "up"], cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert outcome.returncode == 1
    assert "(CHECKOUT_MISSING)" in outcome.stderr
