"""One raw application at a time against the bulk build, on real clients."""

import math
from pathlib import Path

import numpy as np
import pytest

from shared.features.applicant import ApplicantFeatures
from shared.features.building import build_features
from shared.features.columns import feature_columns
from shared.features.levels import fit_levels
from shared.features.sets import SPECIFICATIONS, FeatureSet
from shared.tables.reading import open_tables
from tests.unit.features.applicant_rows import applicant_rows

CLIENTS = 1_000


@pytest.mark.parametrize(("feature_set", "count"), [(FeatureSet.REFERENCE, 771), (FeatureSet.EXTENDED, None)])
def test_all_features_of_1000_real_clients_equal_the_bulk_build(
    real_tables: Path, feature_set: FeatureSet, count: int | None
) -> None:
    """To the bit, missing values included."""
    specification = SPECIFICATIONS[feature_set]
    tables = dict(open_tables(real_tables).frames)
    levels = fit_levels(tables, specification)
    names = [column.name for column in feature_columns(levels, specification)]
    bulk = build_features(tables, levels, specification).frame.sample(CLIENTS, seed=1)
    rows = applicant_rows(tables, bulk["SK_ID_CURR"].to_list())
    single = ApplicantFeatures(levels, specification, names)

    made = [single.compute(rows[client].application, rows[client].history) for client in bulk["SK_ID_CURR"]]

    assert len(names) == (count or len(names))
    np.testing.assert_array_equal(np.array(made), bulk.select(names).fill_null(math.nan).to_numpy())
