"""The classifiers that can be trained: one module of `kinds` each, and none of their libraries loaded."""

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module

from services.trainer.domain.classifiers import kinds
from services.trainer.domain.classifiers.classifier import Classifier
from shared.errors import InvalidInput


def find_classifier(identifier: str) -> Classifier:
    """Return the classifier; raises InvalidInput that lists the known ones."""
    if identifier not in CLASSIFIERS:
        raise InvalidInput.of("classifier", f"must be one of {', '.join(CLASSIFIERS)}")
    return CLASSIFIERS[identifier]


def _declared() -> Iterator[Classifier]:
    """Yield what each module of `kinds` declares as CLASSIFIER, by the modules' names."""
    for module in pkgutil.iter_modules(kinds.__path__):
        yield import_module(f"{kinds.__name__}.{module.name}").CLASSIFIER


CLASSIFIERS: Mapping[str, Classifier] = {classifier.id: classifier for classifier in _declared()}
