"""What a classifier is to the trainer."""

from dataclasses import dataclass

from services.trainer.domain.classifiers.fitting import Prepare
from services.trainer.domain.hyperparameters import Hyperparameter
from services.trainer.domain.preprocessing import Preprocessing


@dataclass(frozen=True)
class Classifier:
    """One way to learn defaults from features.

    `id` names it in requests and bundles. `takes_missing_values`: NaN is understood as missing; where it is not, every
    missing value must be replaced before. `preprocessing` is what is done where a request does not say. `prepare`
    imports the classifier's library itself, so that a classifier is described without it.
    """

    id: str
    description: str
    hyperparameters: tuple[Hyperparameter, ...]
    takes_missing_values: bool
    prepare: Prepare
    preprocessing: Preprocessing = Preprocessing.NONE
