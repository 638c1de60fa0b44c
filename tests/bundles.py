"""Tiny real bundles: LightGBM trees on seeded applicants, sealed by shared.bundle.writing, with their splits."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import lightgbm
import numpy as np
import polars as pl
from numpy.typing import NDArray

from shared.bundle.calibration import Calibrator
from shared.bundle.lightgbm_model import LightGbmModel
from shared.bundle.profile import fit_profile
from shared.bundle.schema import Feature, FeatureSchema
from shared.bundle.writing import BundleContents, DatasetReference, SplitReference, write_bundle
from shared.features.reference import REFERENCE

MODEL: Final = "credit-default"
SPLIT_ROWS: Final = {"train": 600, "test": 200, "production": 200}
FIRST_APPLICANT: Final = 100_001
DROPPED: Final = ("FLAG_MOBIL", "NAME_CONTRACT_TYPE_XNA")
CREDIT_MEDIAN: Final = 500_000.0
SCHEMA: Final = FeatureSchema(
    (
        Feature("CODE_GENDER", "binary", "application", ("application.CODE_GENDER",), codes={"M": 0.0, "F": 1.0}),
        Feature("AMT_CREDIT", "numeric", "application", ("application.AMT_CREDIT",), fallback=CREDIT_MEDIAN),
        Feature("EXT_SOURCE_2", "numeric", "application", ("application.EXT_SOURCE_2",), missing_share=0.2),
        *(
            Feature(
                f"NAME_CONTRACT_TYPE_{level}",
                "one_hot",
                "application",
                ("application.NAME_CONTRACT_TYPE",),
                group="NAME_CONTRACT_TYPE",
                level=level,
            )
            for level in ("Cash loans", "Revolving loans")
        ),
        Feature("BURO_DAYS_CREDIT_MEAN", "numeric", "bureau", ("bureau.DAYS_CREDIT",), missing_share=0.1),
    ),
    dropped=DROPPED,
)
# The levels that the data set's text columns would have had, so that raw applications can be scored.
RAW_FEATURES: Final = {
    "set": "REFERENCE",
    "levels": {
        "application": {
            **{column: ["XNA"] for column in REFERENCE.application.categories},
            "NAME_CONTRACT_TYPE": ["Cash loans", "Revolving loans"],
        },
        "bureau": {
            "CREDIT_ACTIVE": ["Active", "Closed"],
            "CREDIT_CURRENCY": ["currency 1"],
            "CREDIT_TYPE": ["Consumer credit"],
        },
        "bureau_balance": {"STATUS": ["0", "C"]},
    },
}


@dataclass(frozen=True)
class TinyBundle:
    """A sealed bundle in `folder`, and its data set.

    `values` holds all 1,000 applicants, (n_rows, n_features) with NaN where a value is missing; `applicant_ids` are in
    the same order, and `splits` are the Parquet files that they lie in.
    """

    folder: Path
    digest: str
    contents: BundleContents
    splits: dict[str, Path]
    applicant_ids: tuple[str, ...]
    values: NDArray[np.float64]


def tiny_bundle(
    folder: Path,
    seed: int,
    *,
    model_name: str = MODEL,
    experiment_id: str = "1",
    run_id: str = "0" * 32,
    reasons: Mapping[str, tuple[str, str]] | None = None,
) -> TinyBundle:
    """Write a bundle into `folder`/bundle and its splits into `folder`/dataset; equal seeds give equal files.

    The bundle names the MLflow run that is to hold the splits, as `dataset/NAME.parquet`. `reasons` are code and text
    of the reason that a feature counts to with others.
    """
    generator = np.random.default_rng(seed)
    values = _applicants(generator)
    ids = tuple(str(FIRST_APPLICANT + place) for place in range(len(values)))
    targets = _defaults(generator, values)
    splits = _write_splits(folder / "dataset", ids, values, targets)
    contents = _contents(model_name, seed, values, targets, _reference(splits, experiment_id, run_id))
    contents = replace(contents, schema=_with_reasons(contents.schema, reasons or {}))
    digest = write_bundle(folder / "bundle", contents)
    return TinyBundle(folder / "bundle", digest, contents, splits, ids, values)


def _applicants(generator: np.random.Generator) -> NDArray[np.float64]:
    rows = sum(SPLIT_ROWS.values())
    cash = generator.integers(0, 2, rows).astype(float)
    external = generator.uniform(0, 1, rows)
    external[generator.uniform(size=rows) < 0.2] = np.nan
    bureau = -generator.exponential(1000, rows)
    bureau[generator.uniform(size=rows) < 0.1] = np.nan
    credit = generator.lognormal(13, 0.5, rows).round(1)
    return np.column_stack([generator.integers(0, 2, rows), credit, external, cash, 1 - cash, bureau])


def _defaults(generator: np.random.Generator, values: NDArray[np.float64]) -> NDArray[np.int8]:
    margins = -1.0 - 3.0 * (np.nan_to_num(values[:, 2], nan=0.4) - 0.5) + (values[:, 1] - CREDIT_MEDIAN) / 1e6
    return (generator.uniform(size=len(values)) < 1 / (1 + np.exp(-margins))).astype(np.int8)


def _write_splits(
    folder: Path, ids: tuple[str, ...], values: NDArray[np.float64], targets: NDArray[np.int8]
) -> dict[str, Path]:
    """Write the splits as the trainer does, with a column that cleaning dropped and one that the model never saw."""
    folder.mkdir(parents=True)
    columns = {name: values[:, place] for place, name in enumerate(SCHEMA.names)}
    frame = pl.DataFrame(
        {"applicant_id": ids, "target": targets, "FLAG_MOBIL": np.ones(len(ids)), **dict(reversed(columns.items()))},
        nan_to_null=True,
    )
    written, start = {}, 0
    for name, rows in SPLIT_ROWS.items():
        part = frame.slice(start, rows)
        written[name] = folder / f"{name}.parquet"
        (part.drop("target") if name == "production" else part).write_parquet(written[name])
        start += rows
    return written


def _reference(splits: dict[str, Path], experiment_id: str, run_id: str) -> DatasetReference:
    digests = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in splits.items()}
    whole = hashlib.sha256("".join(digests.values()).encode()).hexdigest()
    return DatasetReference(
        id=f"ds-{whole[:12]}",
        digest=whole,
        experiment_id=experiment_id,
        run_id=run_id,
        splits={
            name: SplitReference(f"dataset/{name}.parquet", digest, SPLIT_ROWS[name])
            for name, digest in digests.items()
        },
    )


def _contents(
    model_name: str, seed: int, values: NDArray[np.float64], targets: NDArray[np.int8], dataset: DatasetReference
) -> BundleContents:
    train = values[: SPLIT_ROWS["train"]]
    parameters = {"objective": "binary", "num_leaves": 8, "verbosity": -1, "num_threads": 1, "seed": seed}
    parameters |= {"deterministic": True, "force_col_wise": True, "min_data_in_leaf": 10}
    trees = lightgbm.train(parameters, lightgbm.Dataset(train, targets[: len(train)]), num_boost_round=20)
    model = LightGbmModel.from_text(trees.model_to_string())
    return BundleContents(
        model_name=model_name,
        classifier="lightgbm",
        training_job=f"job-{seed}",
        schema=_with_bounds(train),
        cleaning={"dropped": list(DROPPED)},
        model=model,
        calibrator=Calibrator("sigmoid", slope=0.9, intercept=-0.1),
        threshold=0.25,
        costs={"false_negative": 10.0, "false_positive": 1.0},
        dataset=dataset,
        profile=fit_profile(train, model.contributions(train), SCHEMA.names),
        golden_values=train[:8],
        metrics={"auc": 0.7},
        library_versions={"lightgbm": lightgbm.__version__},
        raw_features=RAW_FEATURES,
    )


def _with_bounds(train: NDArray[np.float64]) -> FeatureSchema:
    features = tuple(
        Feature(
            **{
                **vars(feature),
                "minimum": float(np.nanmin(train[:, place])),
                "maximum": float(np.nanmax(train[:, place])),
                "reason_code": feature.name.upper().replace(" ", "_"),
                "reason_text": feature.name.replace("_", " ").capitalize(),
            }
        )
        for place, feature in enumerate(SCHEMA.features)
    )
    return FeatureSchema(features, DROPPED)


def _with_reasons(schema: FeatureSchema, reasons: Mapping[str, tuple[str, str]]) -> FeatureSchema:
    features = (
        replace(feature, principal_code=code, principal_text=text)
        for feature in schema.features
        for code, text in [reasons.get(feature.name, ("", ""))]
    )
    return replace(schema, features=tuple(features))
