"""How each classifier of the catalogue is trained; another one joins by its own module and a line here."""

from collections.abc import Mapping

from services.trainer.domain.classifiers.catalogue import LIGHTGBM, LOGISTIC_REGRESSION
from services.trainer.domain.classifiers.fitting import Prepare
from services.trainer.domain.classifiers.lightgbm_trees import prepare_trees
from services.trainer.domain.classifiers.logistic_regression import prepare_regression

PREPARATIONS: Mapping[str, Prepare] = {LIGHTGBM.id: prepare_trees, LOGISTIC_REGRESSION.id: prepare_regression}
