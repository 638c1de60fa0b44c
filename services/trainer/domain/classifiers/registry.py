"""The classifiers that can be trained; another one joins by its own module and a line here."""

from collections.abc import Mapping

from services.trainer.domain.classifiers.classifier import Classifier
from services.trainer.domain.classifiers.lightgbm_trees import LightGbmTrees
from services.trainer.domain.classifiers.logistic_regression import StandardisedLogisticRegression
from shared.errors import InvalidInput

_ALL: tuple[Classifier, ...] = (LightGbmTrees(), StandardisedLogisticRegression())

CLASSIFIERS: Mapping[str, Classifier] = {classifier.id: classifier for classifier in _ALL}


def find_classifier(identifier: str) -> Classifier:
    """Return the classifier; raises InvalidInput that lists the known ones."""
    if identifier not in CLASSIFIERS:
        raise InvalidInput.of("classifier", f"must be one of {', '.join(CLASSIFIERS)}")
    return CLASSIFIERS[identifier]
