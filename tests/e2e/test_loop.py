"""The main job, from raw tables to a drift report, through nothing but the command line and running services."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.processes import free_port, wait_until_serving

APPLICANTS = 1_500


@dataclass(frozen=True)
class CommandLine:
    """The `counterfoil` command with the services of one folder."""

    folder: Path
    variables: dict[str, str]

    def start(self, *arguments: str, log: Path) -> subprocess.Popen[bytes]:
        """Start a command that goes on."""
        with log.open("ab") as stream:
            return subprocess.Popen(_command(arguments), env=self.variables, stdout=stream, stderr=stream)

    def fails(self, *arguments: str) -> tuple[int, str]:
        """Return the exit code and what a command that must fail printed as its error."""
        outcome = subprocess.run(_command(arguments), env=self.variables, capture_output=True, text=True, check=False)
        assert outcome.returncode != 0, outcome.stdout
        return outcome.returncode, outcome.stderr

    def json(self, *arguments: str) -> Any:
        """Return the one JSON document that a command prints."""
        outcome = subprocess.run(
            _command((*arguments, "--json")), env=self.variables, capture_output=True, text=True, check=False
        )
        assert outcome.returncode == 0, outcome.stderr
        return json.loads(outcome.stdout)


def _command(arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", "counterfoil.cli", *arguments]


@pytest.fixture(scope="module")
def command_line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """Run the three services by `counterfoil up` in a folder of their own; one SIGINT has to stop them cleanly."""
    folder = tmp_path_factory.mktemp("loop")
    addresses = {name: f"127.0.0.1:{free_port()}" for name in ("trainer", "scorer", "monitor")}
    variables = {
        **os.environ,
        **{f"COUNTERFOIL_{name.upper()}_ADDRESS": address for name, address in addresses.items()},
        "COUNTERFOIL_STATE_DIR": str(folder / "var"),
        "COUNTERFOIL_MLFLOW_URI": f"sqlite:///{folder / 'mlflow.db'}",
        "COUNTERFOIL_MLFLOW_ARTIFACTS": str(folder / "artifacts"),
        "COUNTERFOIL_TABLES_ROOT": str(folder / "tables"),
    }
    line = CommandLine(folder, variables)
    process = line.start("up", log=folder / "up.log")
    try:
        for address in addresses.values():
            wait_until_serving(address)
        yield line
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0, (folder / "up.log").read_text()


@pytest.fixture(scope="module")
def dataset(command_line: CommandLine) -> Any:
    """Make a data set out of synthesized tables."""
    tables = command_line.folder / "tables" / "small"
    synthesize = ("tables", "synthesize", str(tables), "--applicants", str(APPLICANTS), "--seed", "7")
    subprocess.run(_command(synthesize), env=command_line.variables, check=True)
    return command_line.json("dataset", "create", "--tables", "small", "--imputation", "none", "--seed", "1")


@pytest.fixture(scope="module")
def champion(command_line: CommandLine, dataset: Any) -> Any:
    """Train a model on the data set, promote it and wait until the scorer serves it."""
    start = ("train", "start", "--dataset", dataset["name"], "--classifier", "lightgbm")
    job = command_line.json(*start, "--grid", "n_estimators=60", "--folds", "3")
    version = command_line.json("model", "promote", job["model_version"], "--reason", "the first one")
    command_line.json("score", "reload")
    wait_until_serving(command_line.variables["COUNTERFOIL_SCORER_ADDRESS"], "counterfoil.scorer.v1.ScorerService")
    return version


def test_dataset_reports_its_splits_and_the_dummy(dataset: Any) -> None:
    """A finished data set says how many applicants each split has and what it costs to refuse nobody."""
    rows = {split["split"]: int(split["rows"]) for split in dataset["splits"]}

    assert dataset["job"]["state"] == "JOB_STATE_SUCCEEDED"
    assert sum(rows.values()) + int(dataset["dropped_applications"]) == APPLICANTS
    assert min(rows.values()) > 0
    assert dataset["baseline_metrics"]["test_business_cost"] > 0


def test_promoted_version_carries_the_alias(champion: Any) -> None:
    """What was promoted is the champion, with its threshold and digest."""
    assert champion["aliases"] == ["champion"]
    assert 0 < champion["threshold"] < 1
    assert len(champion["bundle_digest"]) == 64


def test_scored_applicants_reach_the_drift_report(command_line: CommandLine, champion: Any) -> None:
    """Decisions come with reasons that add up, and a drift report on them finds the rows that were scored."""
    applicants = _production_applicants(command_line, 150)
    answer = command_line.json("score", "one", "--applicant", applicants[0], "--purpose", "decision")
    (file := command_line.folder / "ids.txt").write_text("\n".join(applicants))
    batch = command_line.json("score", "batch", "--file", str(file), "--purpose", "decision")
    _wait_for_log(command_line, champion["name"], len(applicants) + 1)

    report = command_line.json("drift", "create", "--model", champion["name"], "--last", "1000")

    contributions = answer["reasons"]["contributions"]
    assert abs(answer["baseline"] + sum(contributions) - answer["margin"]) <= 1e-9
    assert [result["score"]["decision"] for result in batch["results"]].count("DECISION_UNSPECIFIED") == 0
    assert report["outcome"] == "DRIFT_OUTCOME_COMPARED"
    assert int(report["current_rows"]) == len(applicants) + 1
    assert command_line.json("drift", "status", champion["name"])["drift_report"] == report["name"]


@pytest.mark.usefixtures("champion")
def test_bad_input_is_named_and_loses_nothing(command_line: CommandLine, dataset: Any) -> None:
    """Each error has an exit code, a reason and the field it is about."""
    unknown = command_line.fails("score", "one", "--applicant", "nobody", "--purpose", "test")
    outside = command_line.fails("dataset", "create", "--tables", "../elsewhere", "--imputation", "none")
    classifier = command_line.fails("train", "start", "--dataset", dataset["name"], "--classifier", "oracle")

    assert (unknown[0], "APPLICANT_NOT_FOUND" in unknown[1]) == (1, True)
    assert (outside[0], "home_credit.directory" in outside[1]) == (1, True)
    assert (classifier[0], "classifier" in classifier[1]) == (1, True)


def _production_applicants(command_line: CommandLine, count: int) -> list[str]:
    applications = pl.read_parquet(command_line.folder / "tables" / "small" / "application_test.parquet")
    known = applications.filter(pl.col("CODE_GENDER") != "XNA")
    return [str(applicant) for applicant in known["SK_ID_CURR"].head(count)]


def _wait_for_log(command_line: CommandLine, model_version: str, count: int) -> None:
    """Return once the monitor has so many predictions; the scorer ships them within a second or so."""
    pause = threading.Event()
    for _ in range(100):
        if int(command_line.json("drift", "status", model_version)["prediction_count"]) >= count:
            return
        pause.wait(0.2)
    raise AssertionError(f"the log did not reach {count} predictions")
