"""A model on components gives probabilities and no reasons, and says so instead of making them up."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.bundle.linear_model import LinearModel
from shared.bundle.models import read_model
from shared.bundle.profile import fit_profile
from shared.bundle.projected_model import ProjectedModel
from shared.bundle.projection import Projection
from shared.bundle.pyfunc import BundlePredictor
from shared.bundle.reading import load_bundle
from shared.bundle.tree_model import TreeModel
from shared.bundle.writing import BundleContents, write_bundle
from shared.errors import Precondition
from tests.bundles import TinyBundle
from tests.unit.bundle.test_tree_model import ensemble

_LOADINGS = np.linspace(-1.0, 1.0, 15).reshape(5, 3)
_PROJECTION = Projection(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]), _LOADINGS)
_ROWS = np.random.default_rng(0).normal(size=(1100, 3)) * 3.0


def _model() -> ProjectedModel:
    return ProjectedModel(_PROJECTION, TreeModel(ensemble()))


def test_margin_is_the_inner_models_on_components() -> None:
    """Loadings times standardised values, by hand."""
    model = _model()

    components = ((_ROWS - _PROJECTION.means) / _PROJECTION.scales) @ _LOADINGS.T
    assert _PROJECTION.apply(_ROWS) == pytest.approx(components)
    assert model.margins(_ROWS).tobytes() == model.inner.margins(_PROJECTION.apply(_ROWS)).tobytes()


def test_row_gets_the_same_bits_alone_and_in_a_batch() -> None:
    """A matrix product would round otherwise for another number of rows."""
    alone = [_model().margins(row[np.newaxis])[0] for row in _ROWS[::50]]

    assert np.array(alone).tobytes() == np.ascontiguousarray(_model().margins(_ROWS)[::50]).tobytes()


def test_a_missing_value_makes_the_margin_missing() -> None:
    """Though the trees behind would take it: every component would be missing."""
    rows = _ROWS[:2].copy()
    rows[0, 1] = np.nan

    assert np.isnan(_model().margins(rows)).tolist() == [True, False]


def test_reasons_are_refused() -> None:
    """What a component adds belongs to no feature."""
    for ask in (_model().contributions, _model().explain):
        with pytest.raises(Precondition) as refusal:
            ask(_ROWS)
        assert refusal.value.reason == "REASONS_NOT_EXACT"

    assert not _model().explains


def test_model_read_from_its_files_answers_with_the_same_bits() -> None:
    """The projection and the trees behind it."""
    model = _model()

    read = read_model("projected", model.files())

    assert (read.kind, read.kernel_id, read.n_features, read.explains) == ("projected", model.kernel_id, 3, False)
    assert read.margins(_ROWS).tobytes() == model.margins(_ROWS).tobytes()
    assert read.files() == model.files()


def test_a_projection_of_a_projection_is_refused() -> None:
    """A file that named itself as its inner model would never end."""
    files = {**_model().files(), "projected.json": json.dumps({"kind": "projected"}).encode()}

    with pytest.raises(ValueError, match="behind another"):
        read_model("projected", files)


@pytest.mark.parametrize(
    "changes",
    [
        {"means": np.zeros(2)},
        {"scales": np.array([1.0, 0.0, 1.0])},
        {"loadings": np.full((5, 3), np.inf)},
        {"loadings": np.zeros((5, 4))},
    ],
)
def test_numbers_that_make_no_projection_are_refused(changes: dict[str, NDArray[np.float64]]) -> None:
    """Such a bundle is not written, nor read."""
    with pytest.raises(ValueError, match="must"):
        replace(_PROJECTION, **changes)


def test_an_inner_model_of_other_columns_is_refused() -> None:
    """It would read beyond the components."""
    with pytest.raises(ValueError, match="components"):
        ProjectedModel(replace(_PROJECTION, loadings=_LOADINGS[:2]), TreeModel(ensemble()))


def _contents(linear: TinyBundle) -> BundleContents:
    """Return the linear bundle's contents with a projected model, whose profile knows margins alone."""
    values = np.nan_to_num(linear.values)
    projection = Projection(values.mean(axis=0), values.std(axis=0), np.eye(6)[:5])
    inner = LinearModel(np.linspace(-1.0, 1.0, 5), -0.5, np.zeros(5), np.ones(5))
    model = ProjectedModel(projection, inner)
    margins = np.column_stack([np.zeros(values.shape), model.margins(values)])
    profile = fit_profile(linear.values, margins, linear.contents.schema.names)
    return replace(linear.contents, model=model, profile=profile)


def test_its_bundle_predicts_and_gives_no_reasons(linear: TinyBundle, tmp_path: Path) -> None:
    """Golden rows hold what there is: margins and probabilities. An analyst compares it by MLflow's own interface."""
    contents = _contents(linear)
    bundle = load_bundle(tmp_path / "bundle", digest=write_bundle(tmp_path / "bundle", contents))

    margins, probabilities = bundle.predict(linear.values)

    assert bundle.golden_rows == 8
    assert (
        margins.tobytes()
        == contents.model.margins(np.where(np.isnan(linear.values), bundle.scoring.fallbacks, linear.values)).tobytes()
    )
    assert probabilities.tobytes() == BundlePredictor(bundle).predict(linear.values).tobytes()
    with pytest.raises(Precondition, match="exact in the features"):
        bundle.score(linear.values)
