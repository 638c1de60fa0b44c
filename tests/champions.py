"""A champion for whole processes: a tiny bundle in a real MLflow, its data set's splits beside it."""

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from shared.bundle.registry import ModelRegistry
from shared.bundle.writing import write_bundle
from tests.adapters.mlflow_stores import connected, prepare_at_once
from tests.bundles import MODEL, tiny_bundle


@dataclass(frozen=True)
class Champion:
    """What services need to serve it (`variables` of the environment), and the applicants it knows.

    `values` are their features, (n_rows, n_features) with NaN where one is missing.
    """

    variables: dict[str, str]
    applicant_ids: tuple[str, ...]
    values: NDArray[np.float64] = field(repr=False)


def champion_in(folder: Path, *, seed: int) -> Champion:
    """Make an MLflow in the folder, register a bundle whose splits can be fetched, and give it the alias champion."""
    prepared = prepare_at_once(folder, processes=1)
    bundle = tiny_bundle(folder / "made", seed=seed)
    with connected(prepared.store) as store:
        experiment = store.client.create_experiment(bundle.contents.dataset.id)
        run_id = str(store.client.create_run(experiment).info.run_id)
        for path in bundle.splits.values():
            store.client.log_artifact(run_id, str(path), "dataset")
        dataset = replace(bundle.contents.dataset, experiment_id=experiment, run_id=run_id)
        digest = write_bundle(folder / "bundle", replace(bundle.contents, dataset=dataset))
        registry = ModelRegistry(store.uri, cache=folder / "unused")
        tags = {"counterfoil.dataset": dataset.id}
        version = registry.register_bundle(folder / "bundle", model=MODEL, run_id=run_id, digest=digest, tags=tags)
        store.client.set_registered_model_alias(MODEL, "champion", str(version))
    variables = {
        "COUNTERFOIL_MLFLOW_URI": prepared.store.uri,
        "COUNTERFOIL_MLFLOW_ARTIFACTS": str(prepared.store.artifacts),
        "COUNTERFOIL_STATE_DIR": str(folder / "state"),
        "PATH": os.environ["PATH"],
    }
    return Champion(variables, bundle.applicant_ids, bundle.values)
