"""Classifiers join by a module each, and are described without their libraries."""

import subprocess
import sys
from pathlib import Path

import pytest

from services.trainer.domain.classifiers import kinds
from services.trainer.domain.classifiers.catalogue import CLASSIFIERS, find_classifier
from services.trainer.domain.hyperparameters import check_grid, combinations_of
from shared.errors import InvalidInput
from tests.processes import ROOT


def test_every_module_is_a_classifier_by_its_own_name() -> None:
    """Another one joins by a file in that folder."""
    (folder,) = kinds.__path__
    modules = {path.stem for path in Path(folder).glob("*.py")} - {"__init__"}

    assert set(CLASSIFIERS) == modules


@pytest.mark.parametrize("classifier", CLASSIFIERS)
def test_defaults_are_within_their_own_bounds(classifier: str) -> None:
    """A form that shows them may send them back; every one says what it does."""
    hyperparameters = find_classifier(classifier).hyperparameters

    check_grid({each.name: (each.default,) for each in hyperparameters}, hyperparameters)

    assert combinations_of({}, hyperparameters) == [{each.name: each.default for each in hyperparameters}]
    assert all(each.description.endswith(".") for each in hyperparameters)
    assert len({each.name for each in hyperparameters}) == len(hyperparameters)


def test_classifiers_are_listed_without_their_libraries() -> None:
    """The service answers ListClassifiers, and only jobs load what they train with."""
    libraries = "{'sklearn', 'lightgbm', 'optbinning', 'imblearn'}"
    program = (
        "import sys; from services.trainer.domain.classifiers.catalogue import CLASSIFIERS; "
        f"sys.exit(repr(sorted({libraries} & set(sys.modules))) if {libraries} & set(sys.modules) else 0)"
    )

    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def test_an_unknown_classifier_is_answered_with_the_known_ones() -> None:
    """The caller need not ask again."""
    with pytest.raises(InvalidInput, match="gradient_boosting, hist_gradient_boosting, lightgbm"):
        find_classifier("oracle")
