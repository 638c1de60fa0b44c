"""How rows become a model: what is done about defaults being rare, preprocessing, then the classifier."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from services.trainer.domain.classifiers.catalogue import find_classifier
from services.trainer.domain.classifiers.fitting import Fit, Prepare
from services.trainer.domain.hyperparameters import Hyperparameters
from services.trainer.domain.imbalance import SMOTE_K_NEIGHBORS, Imbalance, class_weights
from services.trainer.domain.oversampling import oversample
from services.trainer.domain.plan import TrainingPlan
from services.trainer.domain.preprocessing import Preprocessing
from services.trainer.domain.preprocessors import Preprocessor, fit_preprocessing
from shared.bundle.model import Model


def recipe_of(plan: TrainingPlan) -> "Recipe":
    """Return the recipe that a checked plan asks for."""
    return Recipe(find_classifier(plan.classifier).prepare, plan.imbalance, plan.preprocessing)


@dataclass(frozen=True)
class Recipe:
    """A PrepareRows: what is done about imbalance, preprocessing, and the classifier's own preparation.

    Preprocessing is fitted on the rows as they came: what is made up of them adds nothing to know.
    """

    prepare: Prepare
    imbalance: Imbalance
    preprocessing: Preprocessing = Preprocessing.NONE

    def __call__(self, values: NDArray[np.float64], targets: NDArray[np.int8], *, threads: int) -> Fit:
        """Return the training on (n_rows, n_features) cleaned values and their targets; see PrepareRows."""
        preprocessor = fit_preprocessing(self.preprocessing, values)
        if self.imbalance.oversamples:
            train = self._oversampled(values, targets, preprocessor, threads)
        else:
            weights = class_weights(targets, balanced=self.imbalance is Imbalance.CLASS_WEIGHTS)
            train = self.prepare(preprocessor.apply(values), targets, weights, threads=threads)

        def fit(hyperparameters: Hyperparameters, seed: int) -> Model:
            """Train, and put the preprocessing into the model; see Fit."""
            return preprocessor.fold(train(hyperparameters, seed))

        return fit

    def _oversampled(
        self, values: NDArray[np.float64], targets: NDArray[np.int8], preprocessor: Preprocessor, threads: int
    ) -> Fit:
        @lru_cache(maxsize=1)  # one: grown rows take more memory than all else
        def grown(neighbours: int, seed: int) -> Fit:
            """Return the classifier's training on the rows grown with so many neighbours."""
            rows, classes = oversample(values, targets, imbalance=self.imbalance, neighbours=neighbours, seed=seed)
            return self.prepare(preprocessor.apply(rows), classes, np.ones(len(rows)), threads=threads)

        def fit(hyperparameters: Hyperparameters, seed: int) -> Model:
            """Grow the rows and train on them; see Fit."""
            rest = dict(hyperparameters)
            neighbours = int(rest.pop(SMOTE_K_NEIGHBORS.name))
            return grown(neighbours, seed)(rest, seed)

        return fit
