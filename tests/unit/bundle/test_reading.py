"""A bundle that was read: all that was written, and scores that are exact, calibrated and say what was imputed."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from shared.bundle.facts import read_facts
from shared.bundle.reading import load_bundle
from shared.bundle.writing import write_bundle
from tests.bundles import TinyBundle


@pytest.mark.parametrize("kind", ["lightgbm", "linear"])
def test_bundle_is_read_as_it_was_written(kind: str, trees: TinyBundle, linear: TinyBundle) -> None:
    """Every part of it, for every kind of model."""
    written = trees if kind == "lightgbm" else linear
    contents = written.contents

    bundle = load_bundle(written.folder, digest=written.digest)

    assert (bundle.digest, bundle.model_name, bundle.classifier) == (
        written.digest,
        contents.model_name,
        contents.classifier,
    )
    assert (bundle.training_job, bundle.dataset, bundle.schema) == (
        contents.training_job,
        contents.dataset,
        contents.schema,
    )
    assert (bundle.profile, bundle.calibrator, bundle.threshold) == (
        contents.profile,
        contents.calibrator,
        contents.threshold,
    )
    assert (bundle.costs, bundle.metrics) == (contents.costs, contents.metrics)
    assert (bundle.model.kind, bundle.kernel_id, bundle.golden_rows) == (kind, contents.model.kernel_id, 8)


def test_facts_are_read_without_the_model(trees: TinyBundle) -> None:
    """What the monitor needs of a bundle, with the record of cleaning that only they hold."""
    facts = read_facts(trees.folder, digest=trees.digest)

    assert (facts.digest, facts.schema, facts.profile) == (
        trees.digest,
        trees.contents.schema,
        trees.contents.profile,
    )
    assert facts.cleaning == trees.contents.cleaning
    assert facts.manifest.dataset == trees.contents.dataset
    assert facts.manifest.library_versions == trees.contents.library_versions


@pytest.mark.parametrize("kind", ["lightgbm", "linear"])
def test_scores_of_a_thousand_applicants_are_exact(kind: str, trees: TinyBundle, linear: TinyBundle) -> None:
    """Baseline and contributions make the margin, and the margin the probability; missing values included."""
    written = trees if kind == "lightgbm" else linear
    bundle = load_bundle(written.folder)

    scores = bundle.score(written.values)

    assert np.isnan(written.values).any()
    assert np.abs(scores.baseline + scores.contributions.sum(axis=1) - scores.margins).max() <= 1e-9
    assert scores.probabilities.tobytes() == expit(0.9 * scores.margins - 0.1).tobytes()
    assert scores.contributions.shape == scores.imputed.shape == written.values.shape


@pytest.mark.parametrize("kind", ["lightgbm", "linear"])
def test_applicant_scores_the_same_bits_alone_and_in_a_batch(kind: str, trees: TinyBundle, linear: TinyBundle) -> None:
    """Fallbacks and calibrator included: Score, BatchScore and replay agree."""
    written = trees if kind == "lightgbm" else linear
    bundle = load_bundle(written.folder)
    batch = bundle.score(written.values)

    singles = [bundle.score(written.values[place : place + 1]) for place in range(len(written.values))]

    for part in ("margins", "probabilities", "contributions", "imputed"):
        alone = np.concatenate([getattr(single, part) for single in singles])
        assert alone.tobytes() == getattr(batch, part).tobytes()
    assert {single.baseline for single in singles} == {batch.baseline}


def test_missing_value_with_a_fallback_is_replaced_and_reported(trees: TinyBundle) -> None:
    """AMT_CREDIT was never missing in training, where trees would take it for zero."""
    bundle = load_bundle(trees.folder)
    place = bundle.schema.names.index("AMT_CREDIT")
    missing, given = trees.values[:50].copy(), trees.values[:50].copy()
    missing[:, place], given[:, place] = np.nan, bundle.schema.features[place].fallback

    scores = bundle.score(missing)

    assert scores.imputed[:, place].all()
    assert scores.imputed.sum() == 50
    assert scores.margins.tobytes() == bundle.score(given).margins.tobytes()


def test_missing_value_without_a_fallback_reaches_the_model(trees: TinyBundle) -> None:
    """Trees know what to do with it, and nothing is reported as imputed."""
    bundle = load_bundle(trees.folder)
    place = bundle.schema.names.index("EXT_SOURCE_2")
    values = trees.values[:50].copy()
    values[:, place] = np.nan

    scores = bundle.score(values)

    assert not scores.imputed.any()
    assert scores.margins.tobytes() == bundle.model.margins(values).tobytes()


def test_scoring_leaves_its_inputs_alone(linear: TinyBundle) -> None:
    """The caller's rows are what the record keeps as received."""
    bundle = load_bundle(linear.folder)
    values = linear.values.copy()

    bundle.score(values)

    assert values.tobytes() == linear.values.tobytes()


@pytest.mark.parametrize("shape", [(3,), (3, 5), (3, 7), (1, 3, 6)])
def test_rows_of_another_shape_are_refused(trees: TinyBundle, shape: tuple[int, ...]) -> None:
    """A column too few is a mistake of ours, never a guess."""
    bundle = load_bundle(trees.folder)

    with pytest.raises(ValueError, match="6 columns"):
        bundle.score(np.zeros(shape))


def test_no_rows_give_no_scores(trees: TinyBundle) -> None:
    """An empty batch is answered with an empty batch."""
    scores = load_bundle(trees.folder).score(trees.values[:0])

    assert scores.margins.shape == (0,)
    assert scores.contributions.shape == (0, 6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"threshold": float("nan")},
        {"metrics": {"auc": float("nan")}},
        {"costs": {"false_negative": float("inf")}},
        {"golden_values": np.zeros((0, 6))},
        {"golden_values": np.zeros((2, 5))},
    ],
)
def test_contents_that_cannot_be_kept_are_not_written(trees: TinyBundle, tmp_path: Path, wrong: dict[str, Any]) -> None:
    """A bundle that would be refused is found out while the trainer can still say so."""
    with pytest.raises(ValueError, match=r"JSON|golden rows|columns"):
        write_bundle(tmp_path / "bundle", replace(trees.contents, **wrong))


def test_golden_rows_without_a_finite_answer_are_not_written(linear: TinyBundle, tmp_path: Path) -> None:
    """A linear model has none for a missing value that nothing replaces."""
    features = tuple(replace(feature, fallback=None) for feature in linear.contents.schema.features)
    schema = replace(linear.contents.schema, features=features)

    with pytest.raises(ValueError, match="finite answers"):
        write_bundle(
            tmp_path / "bundle", replace(linear.contents, schema=schema, golden_values=np.full((1, 6), np.nan))
        )


def test_profile_of_other_features_is_not_written(trees: TinyBundle, tmp_path: Path) -> None:
    """Drift would be measured against another column."""
    profile = replace(trees.contents.profile, names=trees.contents.profile.names[::-1])

    with pytest.raises(ValueError, match="profile"):
        write_bundle(tmp_path / "bundle", replace(trees.contents, profile=profile))
