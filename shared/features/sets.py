"""The sets of features that a data set can be built with, by name."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from shared.features.extended import EXTENDED
from shared.features.reference import REFERENCE
from shared.features.specification import FeatureSpecification


class FeatureSet(StrEnum):
    """The public reference script's features, or those and many more that rank better."""

    REFERENCE = "REFERENCE"
    EXTENDED = "EXTENDED"


SPECIFICATIONS: Final[Mapping[FeatureSet, FeatureSpecification]] = {
    FeatureSet.REFERENCE: REFERENCE,
    FeatureSet.EXTENDED: EXTENDED,
}
