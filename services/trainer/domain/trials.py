"""The table of trials, laid out like scikit-learn's `cv_results_`."""

from collections.abc import Sequence

from services.trainer.domain.tuning import Trial

Cell = int | float | str


def trials_table(trials: Sequence[Trial]) -> list[dict[str, Cell]]:
    """Return one row a trial: its hyper-parameters, cost and rank by it, and the AUC of every fold.

    Of equal costs the larger AUC ranks first; equal in both, they share a rank.
    """
    keys = sorted((trial.cost, -trial.auc) for trial in trials)
    return [_row(trial, 1 + keys.index((trial.cost, -trial.auc))) for trial in trials]


def _row(trial: Trial, rank: int) -> dict[str, Cell]:
    parameters: dict[str, Cell] = {f"param_{name}": value for name, value in trial.hyperparameters.items()}
    folds: dict[str, Cell] = {f"split{number}_test_auc": auc for number, auc in enumerate(trial.aucs)}
    return {
        "trial": trial.number,
        **parameters,
        "rank_test_business_cost": rank,
        "mean_test_business_cost": trial.cost,
        "mean_test_auc": trial.auc,
        "std_test_auc": trial.auc_deviation,
        **folds,
        "sum_fit_time_seconds": trial.training_seconds,
    }
