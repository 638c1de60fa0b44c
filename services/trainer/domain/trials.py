"""Trials: a combination of hyper-parameters and how its models did on the rows held out, fold by fold."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from services.trainer.domain.hyperparameters import HyperparameterValue
from services.trainer.domain.results import TrialState, TrialSummary


@dataclass(frozen=True)
class FoldScore:
    """How one fold's model did on the rows held out; `rounds` is what early stopping found, None without it.

    `business_cost` is per applicant at the threshold that is best for all rows of the repeat, `log_loss` after the
    calibration of all of the trial's margins. Seconds are of wall clock.
    """

    auc: float
    business_cost: float
    log_loss: float
    fit_seconds: float
    score_seconds: float
    rounds: int | None = None


@dataclass(frozen=True)
class Trial:
    """One combination and how it did.

    `running` is the search's objective after each fold, on the rows held out until then; the last is what the trial is
    judged by. `cost` and `log_loss` are of all rows held out: of a PRUNED trial those of its folds, of a FAILED one
    None.
    """

    number: int
    hyperparameters: Mapping[str, HyperparameterValue]
    state: TrialState
    folds: tuple[FoldScore, ...] = ()
    running: tuple[float, ...] = ()
    cost: float | None = None
    log_loss: float | None = None
    error: str = ""

    @property
    def objective(self) -> float:
        """What the trial is judged by; not for a FAILED one."""
        return self.running[-1]

    @property
    def auc(self) -> float:
        """Mean area under the ROC curve over the folds trained; not for a FAILED one."""
        return float(np.mean([fold.auc for fold in self.folds]))

    @property
    def auc_deviation(self) -> float:
        """Standard deviation (ddof = 1) of the area over the folds trained; not for fewer than two."""
        return float(np.std([fold.auc for fold in self.folds], ddof=1))

    @property
    def seconds(self) -> float:
        """What training took, all folds together."""
        return sum(fold.fit_seconds for fold in self.folds)

    @property
    def rounds(self) -> int | None:
        """The rounds that early stopping found, averaged over the folds; None without it."""
        found = [fold.rounds for fold in self.folds if fold.rounds is not None]
        return max(1, round(float(np.mean(found)))) if found else None

    def summary(self) -> TrialSummary:
        """Return the trial as callers see it."""
        return TrialSummary(
            self.number,
            self.hyperparameters,
            self.cost,
            self.auc if self.folds else None,
            self.auc_deviation if len(self.folds) > 1 else None,
            self.seconds,
            state=self.state,
            log_loss=self.log_loss,
            folds_trained=len(self.folds),
            rounds=self.rounds,
            error=self.error,
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain dicts and lists that `trial_from_json` turns back into an equal trial."""
        return asdict(self)


def trial_from_json(document: Mapping[str, Any]) -> Trial:
    """Return the trial that `Trial.to_json` wrote."""
    return Trial(
        **{
            **document,
            "state": TrialState(document["state"]),
            "folds": tuple(FoldScore(**fold) for fold in document["folds"]),
            "running": tuple(document["running"]),
        }
    )
