"""Versions and aliases in MLflow's model registry."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import LifecycleStage
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from services.trainer.adapters.rethresholded import fetch_scored, register_rethresholded
from services.trainer.adapters.run_files import MlflowFiles
from services.trainer.domain.scored import Scored
from services.trainer.domain.threshold import Costs
from services.trainer.domain.versions import (
    AliasMove,
    ModelVersion,
    Requested,
    ThresholdWish,
    VersionRun,
    etag_of,
)
from shared.bundle.dataset import StandIn
from shared.bundle.registry import APPLICANTS_TAG, DIGEST_TAG, PROMOTED_TAG, ModelRegistry
from shared.errors import NotFound
from shared.mlflow_store import prepare, reaching_mlflow

_PREFIX = "counterfoil."
MOVES_TAG = f"{_PREFIX}alias_moves"
_PROMOTED, _DEMOTED = PROMOTED_TAG, f"{_PREFIX}demoted."
_REQUEST, _CONTENT = f"{_PREFIX}request", f"{_PREFIX}request_content"
_LOGGED_MODEL = "models:/"
_PAGE = 1000
_NO_VERSION = 0
_WORD = re.compile(r"[A-Za-z0-9_-]*")
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


def version_tags(
    *,
    classifier: str,
    dataset: str,
    training_job: str,
    threshold: float,
    metrics: Mapping[str, float],
    costs: Costs,
    scored: Mapping[str, str],
    creator: str = "",
    on_behalf_of: str = "",
    promotion_obstacle: str = "",
) -> dict[str, str]:
    """Return what a version says of itself in the registry, so that a list of versions opens no bundle.

    `creator` is the caller that had it made, `on_behalf_of` whom it said it acted for, `promotion_obstacle` why it must
    not be promoted, in a sentence, `scored` the digests of the outcomes that its run keeps.
    """
    tags = {"classifier": classifier, "dataset": dataset, "training_job": training_job}
    tags |= {"threshold": repr(threshold), "metrics": json.dumps(dict(metrics))}
    tags |= {"costs": json.dumps(costs.to_json()), "scored": json.dumps(dict(scored))}
    governance = {"creator": creator, "on_behalf_of": on_behalf_of, "promotion_obstacle": promotion_obstacle}
    tags |= {name: value for name, value in governance.items() if value}
    return {f"{_PREFIX}{name}": value for name, value in tags.items()}


def open_versions(uri: str, artifacts: Path, cache: Path) -> "MlflowVersions":
    """Return the registry of the MLflow at `uri`, its database made or migrated first where it is a SQLite file."""
    prepare(uri, artifacts)
    with reaching_mlflow():
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    return MlflowVersions(client, ModelRegistry(uri, cache=cache))


class MlflowVersions:
    """A VersionRegistry in MLflow. Versions that counterfoil did not register are not shown.

    Every method raises Unavailable MLFLOW_UNAVAILABLE where MLflow does not answer.
    """

    def __init__(self, client: MlflowClient, bundles: ModelRegistry) -> None:
        self._client = client
        self._bundles = bundles

    @property
    def files(self) -> MlflowFiles:
        """The files of the runs that made the versions."""
        return MlflowFiles(self._client)

    def get(self, model: str, version_or_alias: str) -> ModelVersion:
        """Return one version; raises NotFound, and Precondition where no version has the alias or it is not ours."""
        number = self._bundles.resolve(model, version_or_alias).version
        aliases, moves = self.aliases(model)
        with reaching_mlflow():
            found = self._client.get_model_version(model, str(number))
        return _version(found, aliases, moves)

    def write_stand_in(self, model: str, stand_in: StandIn) -> None:
        """Tell scorers of the model which data set's applicants are scored in place of another's."""
        with reaching_mlflow():
            self._client.set_registered_model_tag(model, APPLICANTS_TAG, json.dumps(stand_in.to_json()))

    def stand_ins(self) -> dict[str, StandIn]:
        """Return what scorers were told last of data sets that stand in for others, by model."""
        with reaching_mlflow():
            models = list(
                _paged(lambda token: self._client.search_registered_models(max_results=_PAGE, page_token=token))
            )
        written = {each.name: each.tags[APPLICANTS_TAG] for each in models if APPLICANTS_TAG in each.tags}
        return {model: StandIn.from_json(json.loads(text)) for model, text in written.items()}

    def of_model(self, model: str) -> list[ModelVersion]:
        """Return every version of a model, newest first; raises NotFound."""
        aliases, moves = self.aliases(model)
        with reaching_mlflow():
            found = self._search(f"name = '{model}'")
        return [_version(each, aliases, moves) for each in found]

    def next_of_model(self, model: str, wanted: VersionRun) -> list[ModelVersion]:
        """Return versions of a model in the order of their numbers, and read no others; raises NotFound."""
        aliases, moves = self.aliases(model)
        # What is compared comes from a caller; what holds other characters is no classifier or data set of ours.
        if not (_WORD.fullmatch(wanted.classifier) and _WORD.fullmatch(wanted.dataset)):
            return []
        conditions = _conditions(model, wanted, aliases)
        order = [f"version_number {'ASC' if wanted.ascending else 'DESC'}"]
        with reaching_mlflow():
            # By number rather than by MLflow's page tokens: those count, and what comes or goes would shift them.
            found = self._client.search_model_versions(" and ".join(conditions), wanted.most, order)
        return [_version(each, aliases, moves) for each in found]

    def _search(self, condition: str) -> list[Any]:
        """Return what MLflow has of our versions under a condition, newest first."""
        order = ["version_number DESC"]
        found = _paged(lambda token: self._client.search_model_versions(condition, _PAGE, order, token))
        return [each for each in found if DIGEST_TAG in each.tags]

    def aliases(self, model: str) -> tuple[Mapping[str, int], int]:
        """Return the aliases of a model with their versions, and the moves so far; raises NotFound."""
        with reaching_mlflow():
            try:
                found = self._client.get_registered_model(model)
            except MlflowException as error:
                if error.error_code not in _ABSENT:
                    raise
                message = f"no model is registered as {model!r}; train one first"
                raise NotFound(message, reason="MODEL_NOT_FOUND", metadata={"model": model}) from error
        return {alias: int(number) for alias, number in found.aliases.items()}, int(found.tags.get(MOVES_TAG, "0"))

    def of_dataset(self, dataset: str) -> list[ModelVersion]:
        """Return every version of any model that was trained on the data set of this id."""
        with reaching_mlflow():
            found = self._search(f"tags.`{_PREFIX}dataset` = '{dataset}'")
        aliases = {model: self.aliases(model) for model in {each.name for each in found}}
        return [_version(each, *aliases[each.name]) for each in found]

    def of_request(self, request: str) -> Requested | None:
        """Return the newest version that was made under this digest of a request, None if there is none."""
        with reaching_mlflow():
            found = self._search(f"tags.`{_REQUEST}` = '{request}'")
        if not found:
            return None
        newest = max(found, key=lambda each: int(each.creation_timestamp))
        return Requested(_version(newest, *self.aliases(newest.name)), newest.tags[_CONTENT])

    def scored(self, version: ModelVersion, split: str) -> Scored:
        """Return the outcomes that a version was judged on; raises Precondition OUTCOMES_NOT_STORED."""
        return fetch_scored(self._client, version, split)

    def register_rethresholded(self, base: ModelVersion, wish: ThresholdWish, metrics: Mapping[str, float]) -> int:
        """Register the base version's model with the threshold and the metrics it has there; return the number."""
        tags = version_tags(
            classifier=base.classifier,
            dataset=base.dataset,
            training_job=base.training_job,
            threshold=wish.threshold,
            metrics=metrics,
            costs=base.costs,
            scored=base.scored,
            creator=wish.creator,
            promotion_obstacle=base.promotion_obstacle,
        )
        tags |= {f"{_PREFIX}base_version": str(base.version), f"{_PREFIX}reason": wish.reason}
        tags |= {_REQUEST: wish.request, _CONTENT: wish.content} if wish.request else {}
        return register_rethresholded(self._client, self._bundles, base=base, wish=wish, metrics=metrics, tags=tags)

    def write_move(self, version: ModelVersion, move: AliasMove) -> None:
        """Point the alias to the version, or take it away, write that down on the version, and change the etag."""
        model, number = version.model, str(version.version)
        moves = self.aliases(model)[1] + 1
        record = {"approver": move.approver, "reason": move.reason, "time": move.time.isoformat()}
        kind = _DEMOTED if move.removed else _PROMOTED
        with reaching_mlflow():
            # The count moves first: an etag read before can then never be taken for one read after. The alias moves
            # last: a version that serves is then known to have been promoted, whatever happens in between.
            self._client.set_registered_model_tag(model, MOVES_TAG, str(moves))
            self._client.set_model_version_tag(model, number, f"{kind}{move.alias}.{moves}", json.dumps(record))
            if move.removed:
                self._client.delete_registered_model_alias(model, move.alias)
            else:
                self._client.set_registered_model_alias(model, move.alias, number)

    def delete_version(self, version: ModelVersion) -> None:
        """Delete a version and the files of its bundle; its run stays."""
        number = str(version.version)
        with reaching_mlflow():
            source = str(self._client.get_model_version(version.model, number).source)
            model_id = source.removeprefix(_LOGGED_MODEL)
            # MLflow itself leaves the files. They go first: where that fails, the version is there to be tried again.
            self._delete_files(self._client.get_logged_model(model_id).artifact_location)
            self._client.delete_model_version(version.model, number)
            self._client.delete_logged_model(model_id)

    def delete_dataset(self, dataset: str) -> None:
        """Delete a data set's experiment and the files of its splits; what is gone already is left alone."""
        with reaching_mlflow():
            found = self._client.get_experiment_by_name(dataset)
            if found is not None and found.lifecycle_stage == LifecycleStage.ACTIVE:
                self._delete_files(found.artifact_location)
                self._client.delete_experiment(found.experiment_id)

    def _delete_files(self, location: str) -> None:
        store = get_artifact_repository(location, tracking_uri=self._client.tracking_uri)
        store.delete_artifacts()  # type: ignore[no-untyped-call]  # MLflow annotates only some of its methods

    def clear_up(self, experiment: str, job: str, *, cancelled: bool) -> None:
        """Close the runs that an ended job left open in the experiment and withdraw the versions they made."""
        with reaching_mlflow():
            found = self._client.get_experiment_by_name(experiment)
            if found is None:
                return
            runs = self._client.search_runs([found.experiment_id], f"tags.`{_PREFIX}job` = '{job}'")
            for run in runs:
                for version in self._client.search_model_versions(f"run_id = '{run.info.run_id}'"):
                    self._client.delete_model_version(version.name, version.version)
                if run.info.status == "RUNNING":
                    self._client.set_terminated(run.info.run_id, "KILLED" if cancelled else "FAILED")


def _paged(search: Callable[[str | None], Any]) -> Iterator[Any]:
    """Yield what a search of MLflow's finds, page by page; it is given the token of the page."""
    token = None
    while token is None or token:
        page = search(token)
        yield from page
        token = page.token or ""


def _conditions(model: str, wanted: VersionRun, aliases: Mapping[str, int]) -> list[str]:
    conditions = [f"name = '{model}'", f"tags.`{DIGEST_TAG}` != ''"]
    if wanted.after is not None:
        conditions.append(f"version_number {'>' if wanted.ascending else '<'} {wanted.after}")
    if wanted.alias:
        conditions.append(f"version_number = {aliases.get(wanted.alias, _NO_VERSION)}")
    for tag, value in (("classifier", wanted.classifier), ("dataset", wanted.dataset)):
        if value:
            conditions.append(f"tags.`{_PREFIX}{tag}` = '{value}'")
    return conditions


def _version(found: Any, aliases: Mapping[str, int], moves: int) -> ModelVersion:
    tags = {key.removeprefix(_PREFIX): value for key, value in found.tags.items()}
    number = int(found.version)
    return ModelVersion(
        model=found.name,
        version=number,
        create_time=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        classifier=tags.get("classifier", ""),
        dataset=tags.get("dataset", ""),
        training_job=tags.get("training_job", ""),
        run_id=found.run_id or "",
        aliases=tuple(sorted(alias for alias, pointed in aliases.items() if pointed == number)),
        bundle_digest=found.tags.get(DIGEST_TAG, ""),
        threshold=float(tags.get("threshold", "nan")),
        metrics=json.loads(tags.get("metrics", "{}")),
        etag=etag_of(aliases, moves),
        creator=tags.get("creator", ""),
        alias_moves=_alias_moves(found.tags),
        promotion_obstacle=tags.get("promotion_obstacle", ""),
        costs=Costs(**json.loads(tags.get("costs", "{}"))),
        scored=json.loads(tags.get("scored", "{}")),
        base_version=int(tags.get("base_version", "0")),
        reason=tags.get("reason", ""),
        on_behalf_of=tags.get("on_behalf_of", ""),
    )


def _alias_moves(tags: Mapping[str, str]) -> tuple[AliasMove, ...]:
    """Return the moves that are written on a version, oldest first."""
    found: list[tuple[int, AliasMove]] = []
    for key, value in tags.items():
        if key.startswith((_PROMOTED, _DEMOTED)):
            _, _, alias, moves = key.split(".")
            record = json.loads(value)
            record["time"] = datetime.fromisoformat(record["time"])
            found.append((int(moves), AliasMove(alias, removed=key.startswith(_DEMOTED), **record)))
    return tuple(move for _, move in sorted(found, key=lambda pair: pair[0]))
