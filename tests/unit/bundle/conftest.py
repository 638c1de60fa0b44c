"""One tiny bundle of each kind of model, made once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from shared.bundle.linear_model import LinearModel
from shared.bundle.profile import fit_profile
from shared.bundle.schema import FeatureSchema
from shared.bundle.writing import BundleContents, write_bundle
from tests.bundles import TinyBundle, tiny_bundle


@pytest.fixture(scope="session")
def trees(tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return a sealed bundle of LightGBM trees; tests change copies of it, never itself."""
    return tiny_bundle(tmp_path_factory.mktemp("trees"), seed=7)


@pytest.fixture(scope="session")
def linear(trees: TinyBundle, tmp_path_factory: pytest.TempPathFactory) -> TinyBundle:
    """Return a sealed bundle of a linear model on the same applicants, every missing value replaced."""
    folder = tmp_path_factory.mktemp("linear") / "bundle"
    contents = linear_contents(trees)
    return replace(trees, folder=folder, contents=contents, digest=write_bundle(folder, contents))


def linear_contents(trees: TinyBundle) -> BundleContents:
    """Return the contents of the trees' bundle with a linear model and a fallback for every feature."""
    means = np.nanmean(trees.values, axis=0)
    model = LinearModel(np.linspace(-1.0, 1.0, len(means)), -0.5, means, np.nanstd(trees.values, axis=0))
    features = trees.contents.schema.features
    schema = FeatureSchema(
        tuple(replace(feature, fallback=float(mean)) for feature, mean in zip(features, means, strict=True))
    )
    filled = np.where(np.isnan(trees.values), means, trees.values)
    profile = fit_profile(trees.values, model.contributions(filled), schema.names)
    return replace(trees.contents, classifier="logistic_regression", schema=schema, model=model, profile=profile)


@pytest.fixture
def copied(trees: TinyBundle, tmp_path: Path) -> Path:
    """Return a copy of the trees' bundle that a test may spoil."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    for path in trees.folder.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder
