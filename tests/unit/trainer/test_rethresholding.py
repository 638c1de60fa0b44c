"""A version with another threshold says what it is: same model, other decisions, by whom and why."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from counterfoil.trainer.v1 import threshold_pb2
from services.trainer.domain.decisions import decision_metrics
from services.trainer.domain.rethresholding import rethreshold
from services.trainer.domain.scored import Scored
from services.trainer.domain.threshold import Costs
from services.trainer.domain.versions import ThresholdWish
from services.trainer.model_messages import version_to_proto
from services.trainer.threshold_messages import query_from_proto, wish_from_proto
from shared.errors import AlreadyExists, InvalidInput, NotFound, Precondition
from tests.fakes import FakeVersions
from tests.unit.trainer.versions import version

Evaluate = threshold_pb2.EvaluateThresholdsRequest
Create = threshold_pb2.CreateModelVersionRequest
_SCORED = Scored(np.array([1, 0, 0, 1], dtype=np.int8), np.array([0.1, 0.2, 0.3, 0.9]), np.ones(4))
_METRICS = {"cv_auc": 0.7, "cv_business_cost": 0.5, "cv_unseen_business_cost": 0.55, "cv_brier": 0.07}
_BASE = version(1, _METRICS, costs=Costs(5.0, 2.0), scored={"cv": "a" * 64})
_WISH = ThresholdWish("credit-default", 1, 0.25, "fewer refusals before Christmas", "CN=analyst", "r-1")


@pytest.fixture
def registry() -> FakeVersions:
    """Return a registry with one version and its outcomes."""
    return FakeVersions([_BASE], outcomes={"cv": _SCORED})


def test_the_new_version_has_the_model_and_the_lineage(registry: FakeVersions) -> None:
    """Everything else is the base version's."""
    made = rethreshold(registry, _WISH, time=registry.now)

    assert (made.version, made.base_version, made.threshold) == (2, 1, 0.25)
    assert (made.creator, made.reason) == ("CN=analyst", "fewer refusals before Christmas")
    assert (made.training_job, made.dataset, made.costs) == (_BASE.training_job, _BASE.dataset, _BASE.costs)
    shown = version_to_proto(made)
    assert (shown.base_version, shown.reason) == ("models/credit-default/versions/1", made.reason)
    assert version_to_proto(_BASE).base_version == ""


def test_metrics_of_decisions_are_those_at_the_new_threshold(registry: FakeVersions) -> None:
    """Ranking and probabilities are the model's and stay; what is true of the tuned threshold alone goes."""
    made = rethreshold(registry, _WISH, time=registry.now)

    decided = decision_metrics(_SCORED, 0.25, _BASE.costs)
    assert dict(made.metrics) == {
        "cv_auc": 0.7,
        "cv_brier": 0.07,
        **{f"cv_{name}": value for name, value in decided.items()},
    }


def test_the_same_request_returns_the_first_version(registry: FakeVersions) -> None:
    """Within 24 hours and by the same caller; other content is refused, another caller has ids of their own."""
    first = rethreshold(registry, _WISH, time=registry.now)

    again = rethreshold(registry, _WISH, time=registry.now + timedelta(hours=23))
    with pytest.raises(AlreadyExists) as refusal:
        rethreshold(registry, replace(_WISH, threshold=0.3), time=registry.now)
    by_another = rethreshold(registry, replace(_WISH, creator="CN=other"), time=registry.now)
    later = rethreshold(registry, _WISH, time=registry.now + timedelta(hours=25))

    assert again == first
    assert refusal.value.reason == "REQUEST_ID_REUSED"
    assert (by_another.version, later.version) == (3, 4)


def test_without_a_request_id_every_call_makes_a_version(registry: FakeVersions) -> None:
    """As everywhere."""
    wish = replace(_WISH, request_id="")

    assert [rethreshold(registry, wish, time=registry.now).version for _ in range(2)] == [2, 3]


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"threshold": 0.0}, ["threshold"]),
        ({"threshold": float("nan"), "reason": " "}, ["threshold", "reason"]),
        ({"reason": "x" * 501, "request_id": "y" * 129}, ["reason", "request_id"]),
    ],
)
def test_every_wrong_field_is_named(registry: FakeVersions, changes: dict[str, object], fields: list[str]) -> None:
    """And nothing is registered."""
    with pytest.raises(InvalidInput) as refusal:
        rethreshold(registry, replace(_WISH, **changes), time=registry.now)  # type: ignore[arg-type]  # any field

    assert [violation.field for violation in refusal.value.violations] == fields
    assert len(registry.of_model("credit-default")) == 1


def test_the_threshold_that_it_has_already_and_a_version_that_is_not_are_refused(registry: FakeVersions) -> None:
    """A second version of one bundle would tell nothing apart."""
    with pytest.raises(Precondition) as same:
        rethreshold(registry, replace(_WISH, threshold=_BASE.threshold), time=registry.now)
    with pytest.raises(NotFound):
        rethreshold(registry, replace(_WISH, base=9), time=registry.now)

    assert same.value.reason == "SAME_THRESHOLD"


def test_a_query_without_thresholds_is_an_even_grid() -> None:
    """0.01 to 0.99 unless another number of points is asked for; named thresholds keep their order."""
    default = query_from_proto(Evaluate(name="models/m/versions/champion"))
    coarse = query_from_proto(
        Evaluate(name="models/m/versions/1", grid_points=3, split=threshold_pb2.SCORED_SPLIT_TEST)
    )
    named = query_from_proto(Evaluate(name="models/m/versions/1", thresholds=[0.3, 0.1]))

    assert list(default.thresholds) == [hundredth / 100 for hundredth in range(1, 100)]
    assert (default.model, default.version_or_alias, default.split) == ("m", "champion", "cv")
    assert (list(coarse.thresholds), coarse.split) == ([0.25, 0.5, 0.75], "test")
    assert list(named.thresholds) == [0.3, 0.1]


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (Evaluate(thresholds=[0.1, 1.0, float("nan")]), ["thresholds[1]", "thresholds[2]"]),
        (Evaluate(thresholds=[0.1] * 1001), ["thresholds"]),
        (Evaluate(grid_points=-1), ["grid_points"]),
        (Evaluate(grid_points=1001, split=7), ["split", "grid_points"]),  # type: ignore[arg-type]  # from a later client
        (Evaluate(grid_points=5, thresholds=[0.1]), ["grid_points"]),
        (Evaluate(name="models/m"), ["name"]),
    ],
)
def test_a_query_out_of_its_range_is_refused_field_by_field(request_: Evaluate, fields: list[str]) -> None:
    """Before any outcome is read."""
    if not request_.name:
        request_.name = "models/m/versions/1"

    with pytest.raises(InvalidInput) as refusal:
        query_from_proto(request_)

    assert [violation.field for violation in refusal.value.violations] == fields


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (Create(base_version="models/m/versions/1"), "threshold"),
        (Create(threshold=0.1), "base_version"),
        (
            Create(threshold=0.1, base_version="models/m/versions/champion"),
            "base_version",
        ),
    ],
)
def test_a_wish_names_its_base_by_number_and_its_threshold(request_: Create, field: str) -> None:
    """An alias might move meanwhile; zero is a threshold that is refused, not one that was left out."""
    with pytest.raises(InvalidInput) as refusal:
        wish_from_proto(request_, "CN=analyst")

    assert [violation.field for violation in refusal.value.violations] == [field]
