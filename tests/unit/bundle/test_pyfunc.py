"""The bundle as MLflow calls it: columns by name, missing values as such, and nothing guessed."""

import numpy as np
import pandas as pd
import pytest

from shared.bundle.pyfunc import BundlePredictor, _load_pyfunc
from tests.bundles import TinyBundle


@pytest.fixture
def predictor(trees: TinyBundle) -> BundlePredictor:
    """Return what MLflow makes of the folder."""
    return _load_pyfunc(str(trees.folder))


def test_table_and_array_get_the_bundle_s_probabilities(predictor: BundlePredictor, trees: TinyBundle) -> None:
    """In whatever order the columns stand, among others that are ignored."""
    bundle, values = predictor.get_raw_model(), trees.values[:30]
    names = list(bundle.schema.names)
    table = pd.DataFrame(values, columns=names).assign(SK_ID_CURR=1)[["SK_ID_CURR", *reversed(names)]]

    by_name, by_place = predictor.predict(table), predictor.predict(values)

    assert by_place.tobytes() == bundle.score(values).probabilities.tobytes()
    assert by_name.tobytes() == by_place.tobytes()


def test_null_of_a_table_is_a_missing_value(predictor: BundlePredictor, trees: TinyBundle) -> None:
    """Nullable columns and NaN are one."""
    names = list(predictor.get_raw_model().schema.names)
    values = trees.values[:3].copy()
    values[:, names.index("CODE_GENDER")] = np.nan
    table = pd.DataFrame(values, columns=names).astype({"CODE_GENDER": "Int64"})

    probabilities = predictor.predict(table)

    assert table["CODE_GENDER"].isna().all()
    assert probabilities.tobytes() == predictor.predict(values).tobytes()


def test_absent_column_is_refused_by_name(predictor: BundlePredictor, trees: TinyBundle) -> None:
    """It is not taken for missing."""
    table = pd.DataFrame(trees.values, columns=list(predictor.get_raw_model().schema.names))

    with pytest.raises(ValueError, match="1 columns are absent, such as AMT_CREDIT"):
        predictor.predict(table.drop(columns="AMT_CREDIT"))


def test_infinity_is_refused(predictor: BundlePredictor) -> None:
    """Trees would take it for a very large number."""
    with pytest.raises(ValueError, match="infinite"):
        predictor.predict(np.full((1, 6), -np.inf))
