"""What happens to cleaned values before a classifier sees them."""

from enum import StrEnum


class Preprocessing(StrEnum):
    """Nothing, columns in units of their deviation, or the principal components of these that keep 95 % of variance."""

    NONE = "NONE"
    STANDARDISATION = "STANDARDISATION"
    PCA = "PCA"
