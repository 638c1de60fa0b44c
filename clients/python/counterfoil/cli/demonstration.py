"""What `counterfoil demo` shows: the loop from raw tables to a drift report, through the commands a user would type."""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from counterfoil.cli.checkout import module_command
from counterfoil.cli.failures import CommandFailed
from counterfoil.cli.names import CHAMPION, DEFAULT_MODEL
from counterfoil.cli.output import console
from counterfoil.cli.views.layout import identifier, short_version

APPLICANTS: Final = 3000
_SEED: Final = 7
_DRIFT: Final = 0.4
_BATCH: Final = 200
_FEW_COLUMNS: Final = 8
_CHAMPION: Final = f"{DEFAULT_MODEL}/{CHAMPION}"
_LOG_TIMEOUT_S: Final = 60.0
_POLL_S: Final = 0.5


@dataclass(frozen=True)
class Stage:
    """Where commands run: the checkout, the variables that point them to this demo's services, and its folder."""

    checkout: Path
    variables: Mapping[str, str]
    folder: Path

    def run(self, *arguments: str) -> None:
        """Echo a command and run it before everybody's eyes; raises CommandFailed with DEMO_FAILED."""
        console().print(Text(f"\n$ counterfoil {shlex.join(arguments)}", style="bold green"), soft_wrap=True)
        self._check(arguments, subprocess.call(module_command("counterfoil.cli", *arguments), **self._process()))

    def write(self, file: Path, *arguments: str) -> None:
        """Echo a command and run it with its output in a file."""
        shown = f"\n$ counterfoil {shlex.join(arguments)} > {self.short(file)}"
        console().print(Text(shown, style="bold green"), soft_wrap=True)
        with file.open("wb") as stream:
            code = subprocess.call(module_command("counterfoil.cli", *arguments), stdout=stream, **self._process())
        self._check(arguments, code)

    def ask(self, *arguments: str) -> Any:
        """Return the JSON document of a command that is not shown."""
        command = module_command("counterfoil.cli", *arguments, "--json")
        outcome = subprocess.run(command, check=False, stdout=subprocess.PIPE, **self._process())
        self._check(arguments, outcome.returncode)
        return json.loads(outcome.stdout)

    def short(self, path: Path) -> str:
        """Return a path as seen from the checkout."""
        return str(path.relative_to(self.checkout) if path.is_relative_to(self.checkout) else path)

    def _process(self) -> dict[str, Any]:
        sys.stdout.flush()
        return {"cwd": self.checkout, "env": dict(self.variables)}

    def _check(self, arguments: tuple[str, ...], code: int) -> None:
        if code:
            raise CommandFailed(
                f"`counterfoil {shlex.join(arguments)}` ended with exit code {code}; logs are in "
                f"{self.short(self.folder / 'var' / 'log')}",
                reason="DEMO_FAILED",
            )


def synthesize(stage: Stage, folder: Path) -> None:
    """Write the demo's own tables."""
    _headline("Tables: eight of them, shaped like Home Credit's, with today's applicants a little drifted")
    size = ("--applicants", str(APPLICANTS), "--seed", str(_SEED), "--drift", str(_DRIFT))
    stage.run("tables", "synthesize", stage.short(folder), *size)


def make_models(stage: Stage, tables: str) -> None:
    """Make a data set as it is and one for a linear model, train on both, and compare with the dummy."""
    _headline("Data set: features of three splits, missing values left to the model")
    stage.run("dataset", "create", "--tables", tables, "--imputation", "none", "--name", "as it is")
    trees = _newest_dataset(stage)
    stage.run("dataset", "get", trees)
    _headline("Model: small, strongly regularised trees, tuned for the business cost")
    stage.run("train", "start", "--dataset", trees, "--classifier", "lightgbm", "--grid", "num_leaves=4,8")
    stage.run("model", "compare", trees)
    _headline("A second opinion: logistic regression wants missing values filled and fewer columns")
    cleaning = ("--imputation", "median", "--max-missing-share", "0.3", "--max-abs-correlation", "0.95")
    stage.run("dataset", "create", "--tables", tables, *cleaning, "--name", "cleaned", "--min-variance", "0.0001")
    linear = _newest_dataset(stage)
    stage.run("train", "start", "--dataset", linear, "--classifier", "logistic_regression")
    stage.run("model", "list")


def promote(stage: Stage) -> None:
    """Promote the version with the lowest cross-validated cost and let the scorer take it over."""
    _headline("Promotion: from here on the scorer serves the cheaper one")
    versions = stage.ask("model", "list")["model_versions"]
    best = min(versions, key=lambda version: version["metrics"]["cv_business_cost"])
    reason = f"lowest cross-validated cost: {best['metrics']['cv_business_cost']:.4f} per applicant"
    stage.run("model", "promote", short_version(best["name"]), "--reason", reason)
    stage.run("score", "reload")


def decide(stage: Stage, tables: Path) -> None:
    """Decide on one applicant of today with reasons, ask what if, and decide on a batch."""
    _headline("Decisions: one applicant with reasons, then a batch; each is in the log before it is told")
    ids, one = stage.folder / "ids.txt", stage.folder / "applicant.json"
    stage.write(ids, "tables", "applicants", stage.short(tables), "--first", str(_BATCH))
    applicant = ids.read_text().split()[0]
    stage.run("score", "one", "--applicant", applicant, "--purpose", "decision")
    stage.run("score", "applicant", applicant, "--output", stage.short(one))
    stage.run("score", "one", "--features", stage.short(one), "--purpose", "what-if", "--reasons", "3")
    stage.run("score", "batch", "--file", stage.short(ids), "--purpose", "decision")


def watch_drift(stage: Stage) -> Path:
    """Compare the logged decisions and the production split with the training data; return the page of the former."""
    _headline("Drift: the decisions just logged, and the whole production split, against the training data")
    _await_log(stage, _BATCH + 1)
    stage.run("drift", "create", "--last", "5000")
    report = stage.ask("drift", "list", "--page-size", "1")["drift_reports"][0]
    heaviest = ",".join(report["columns"][:_FEW_COLUMNS])
    stage.run("drift", "create", "--production", "--columns", heaviest)
    stage.run("drift", "status", _CHAMPION)
    page = stage.folder / "drift.html"
    stage.run("drift", "read", identifier(report["name"]), "--format", "html", "--output", stage.short(page))
    return page


def cross_validate(stage: Stage, tables: str) -> None:
    """Cross-validate the trees over every labelled applicant, five folds three times over."""
    _headline("How good it is: cross-validation over all labelled applicants, 5 folds x 3 seeds")
    whole = ("--imputation", "none", "--test-share", "0", "--name", "all labelled")
    stage.run("dataset", "create", "--tables", tables, *whole)
    folds = ("--folds", "5", "--repeats", "3", "--model", "cross-validated")
    stage.run("train", "start", "--dataset", _newest_dataset(stage), "--classifier", "lightgbm", *folds)
    job = stage.ask("train", "list", "--page-size", "1")["training_jobs"][0]
    auc, cost = job["metrics"]["cv_auc"], job["metrics"]["cv_business_cost"]
    console().print(f"\ncross-validated AUC {auc:.4f}, business cost {cost:.4f} per applicant")


def tell_what_next(stage: Stage, page: Path, *, seconds: float) -> None:
    """Print where everything lies and what to try."""
    _headline(f"Done in {seconds:.0f} s. Where to look next")
    database = stage.variables["COUNTERFOIL_MLFLOW_URI"]
    mlflow = stage.short(Path(sys.executable).with_name("mlflow"))
    for line in (
        f"the drift report         {stage.short(page)} (open it in a browser)",
        f"runs, figures, bundles   {mlflow} ui --backend-store-uri {database}",
        f"logs of the services     {stage.short(stage.folder / 'var' / 'log')}",
        "services of your own     counterfoil up, then the commands above",
        "why it is built so       README.md, docs/adr/README.md",
        f"throw this demo away     rm -r {stage.short(stage.folder)}",
    ):
        console().print(f"  {line}", soft_wrap=True)


def _headline(text: str) -> None:
    console().print(Text(f"\n=== {text}", style="bold"), soft_wrap=True)


def _newest_dataset(stage: Stage) -> str:
    return identifier(stage.ask("dataset", "list", "--page-size", "1")["datasets"][0]["name"])


def _await_log(stage: Stage, count: int) -> None:
    # The scorer ships its log a second or so after it has answered.
    deadline = time.monotonic() + _LOG_TIMEOUT_S
    while int(stage.ask("drift", "status", _CHAMPION)["prediction_count"]) < count:
        if time.monotonic() > deadline:
            raise CommandFailed(f"the monitor's log did not reach {count} predictions", reason="DEMO_FAILED")
        time.sleep(_POLL_S)
