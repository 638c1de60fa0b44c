"""The classifiers that can be trained and what each takes; known without loading any of their libraries."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.trainer.domain.hyperparameters import Grid, Hyperparameter, Hyperparameters, Range
from services.trainer.domain.preprocessing import Preprocessing
from shared.errors import InvalidInput


@dataclass(frozen=True)
class Classifier:
    """One way to learn defaults from features.

    `id` names it in requests and bundles. `takes_missing_values`: NaN is understood as missing; where it is not, every
    missing value must be replaced before. `preprocessing` is what is done where a request does not say.
    """

    id: str
    description: str
    hyperparameters: tuple[Hyperparameter, ...]
    takes_missing_values: bool
    preprocessing: Preprocessing = Preprocessing.NONE


EARLY_STOPPING = "early_stopping_rounds"

# Defaults for a few thousand rows and hundreds of columns: small, strongly regularised trees. On such data they rank
# better than the library's own defaults; `python -m benchmarks.quality` measures them.
_TREE_HYPERPARAMETERS = (
    Hyperparameter("n_estimators", "integer", 600, "Number of trees.", 1, 20_000),
    Hyperparameter("learning_rate", "real", 0.02, "How much of each tree is added.", 1e-4, 1.0),
    Hyperparameter("num_leaves", "integer", 8, "Largest number of leaves of a tree.", 2, 4096),
    Hyperparameter("max_depth", "integer", 4, "Largest depth of a tree; -1 for no limit.", -1, 64),
    Hyperparameter("min_child_samples", "integer", 20, "Smallest number of applicants in a leaf.", 1, 1_000_000),
    Hyperparameter("colsample_bytree", "real", 0.1, "Share of the columns that each tree may use.", 0.001, 1.0),
    Hyperparameter("subsample", "real", 0.7, "Share of the applicants that each tree is grown on.", 0.01, 1.0),
    Hyperparameter("reg_lambda", "real", 50.0, "L2 penalty on the leaves.", 0.0, 1e6),
    Hyperparameter("reg_alpha", "real", 0.0, "L1 penalty on the leaves.", 0.0, 1e6),
    Hyperparameter("min_split_gain", "real", 0.0, "Smallest gain that is worth a split.", 0.0, 1e6),
    Hyperparameter(
        EARLY_STOPPING,
        "integer",
        0,
        "Trees after which growing ends if none of them lowered the log-loss of a fifth of the training rows; all rows "
        "then grow as many as were best. 0: n_estimators, whatever comes of it.",
        0,
        10_000,
    ),
)

_REGRESSION_HYPERPARAMETERS = (
    Hyperparameter("C", "real", 0.001, "Inverse of the strength of the L2 penalty.", 1e-8, 1e8),
    Hyperparameter("max_iter", "integer", 1000, "Largest number of iterations of the solver.", 1, 1_000_000),
    Hyperparameter(
        "solver",
        "text",
        "lbfgs",
        "How the optimum is found; newton-cholesky is faster with many more rows than columns.",
        choices=("lbfgs", "newton-cholesky"),
    ),
)

LIGHTGBM = Classifier(
    "lightgbm",
    "Gradient boosted trees (LightGBM); takes missing values as they are.",
    _TREE_HYPERPARAMETERS,
    takes_missing_values=True,
)
LOGISTIC_REGRESSION = Classifier(
    "logistic_regression",
    "Logistic regression; needs an imputation other than NONE.",
    _REGRESSION_HYPERPARAMETERS,
    takes_missing_values=False,
    preprocessing=Preprocessing.STANDARDISATION,
)

CLASSIFIERS: Mapping[str, Classifier] = {classifier.id: classifier for classifier in (LIGHTGBM, LOGISTIC_REGRESSION)}


def stops_early(hyperparameters: Hyperparameters) -> bool:
    """Return whether the number of rounds is found while training, below the number that is named."""
    return bool(hyperparameters.get(EARLY_STOPPING, 0))


def may_stop_early(grid: Grid) -> bool:
    """Return whether some combination of a checked grid finds its number of rounds while training."""
    choice = grid.get(EARLY_STOPPING, ())
    return isinstance(choice, Range) or any(bool(value) for value in choice)


def with_rounds(hyperparameters: Hyperparameters, rounds: int) -> Hyperparameters:
    """Return the hyper-parameters that grow as many rounds, no more and no fewer."""
    return {**hyperparameters, "n_estimators": rounds, EARLY_STOPPING: 0}


def find_classifier(identifier: str) -> Classifier:
    """Return the classifier; raises InvalidInput that lists the known ones."""
    if identifier not in CLASSIFIERS:
        raise InvalidInput.of("classifier", f"must be one of {', '.join(CLASSIFIERS)}")
    return CLASSIFIERS[identifier]
