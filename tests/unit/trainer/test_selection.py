"""Versions are found by what they are, in an order without ties, and pages neither repeat nor skip."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.trainer.domain.selection import (
    MetricBound,
    VersionFilter,
    VersionOrder,
    VersionQuery,
    list_page,
    select_page,
)
from services.trainer.domain.versions import ModelVersion
from shared.errors import InvalidInput
from tests.fakes import FakeVersions
from tests.unit.trainer.versions import version

_ALL = [
    version(1, {"test_auc": 0.70, "test_business_cost": 0.0}, aliases=("champion",)),
    version(2, {"test_auc": 0.74}, classifier="logistic_regression"),
    version(3, {"test_auc": 0.72, "test_business_cost": 0.5}, dataset="ds-2"),
    version(4, {"cv_auc": 0.71}),
]


def _shown(filter_: VersionFilter = VersionFilter(), order: VersionOrder = VersionOrder()) -> list[int]:  # noqa: B008
    found, _ = select_page(_ALL, VersionQuery("credit-default", filter_, order), page_size=50, position="")
    return [each.version for each in found]


def _walk(versions: Sequence[ModelVersion], query: VersionQuery, size: int) -> list[int]:
    walked: list[int] = []
    position = ""
    while True:
        page, position = select_page(versions, query, page_size=size, position=position)
        walked += [each.version for each in page]
        if not position:
            return walked


def test_all_are_shown_newest_first_unless_asked_otherwise() -> None:
    """The default is the list that everybody knows."""
    assert _shown() == [4, 3, 2, 1]
    assert _shown(order=VersionOrder("create_time", ascending=True)) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("filter_", "numbers"),
    [
        (VersionFilter(classifier="logistic_regression"), [2]),
        (VersionFilter(dataset="ds-2"), [3]),
        (VersionFilter(alias="champion"), [1]),
        (VersionFilter(bounds=(MetricBound("test_auc", 0.72),)), [3, 2]),
        (VersionFilter(bounds=(MetricBound("test_auc", 0.70, 0.72),)), [3, 1]),
        (VersionFilter(bounds=(MetricBound("test_business_cost", None, 0.0),)), [1]),
        (VersionFilter(classifier="lightgbm", bounds=(MetricBound("test_auc", 0.71),)), [3]),
        (VersionFilter(alias="challenger"), []),
    ],
)
def test_every_part_of_a_filter_narrows(filter_: VersionFilter, numbers: list[int]) -> None:
    """A bound counts as inside; a version without the metric matches no range."""
    assert _shown(filter_) == numbers


def test_order_by_a_metric_puts_those_without_it_last() -> None:
    """In either direction: an absent figure is neither best nor worst."""
    assert _shown(order=VersionOrder("test_auc")) == [2, 3, 1, 4]
    assert _shown(order=VersionOrder("test_auc", ascending=True)) == [1, 3, 2, 4]


@given(st.lists(st.sampled_from([None, 0.5, 0.6, 0.7]), min_size=1, max_size=9), st.integers(1, 4), st.booleans())
def test_pages_together_are_the_list(figures: list[float | None], size: int, ascending: bool) -> None:
    """Whatever the size of a page, also where many versions are equal."""
    metric = "test_auc"
    versions = [version(n, {"cv_auc": 0.5} | ({metric: f} if f is not None else {})) for n, f in enumerate(figures, 1)]
    by = metric if any(figure is not None for figure in figures) else "version"
    query = VersionQuery("credit-default", order=VersionOrder(by, ascending))

    whole, end = select_page(versions, query, page_size=50, position="")

    assert end == ""
    assert _walk(versions, query, size) == [each.version for each in whole]


def test_a_version_that_comes_or_goes_moves_no_other() -> None:
    """A position names the last version shown, not how many were."""
    query = VersionQuery("credit-default")
    first, position = select_page(_ALL, query, page_size=2, position="")

    later = [version(5, {"test_auc": 0.9}), *(each for each in _ALL if each.version != 3)]
    second, _ = select_page(later, query, page_size=2, position=position)

    assert [each.version for each in (*first, *second)] == [4, 3, 2, 1]


@pytest.mark.parametrize("position", ["nobody", "[]", "{}", '["0123456789abcdef", false, 1.0, 1]', "null"])
def test_a_position_of_another_list_is_refused(position: str) -> None:
    """A token goes with the filter and order that it was given for."""
    with pytest.raises(InvalidInput) as refusal:
        select_page(_ALL, VersionQuery("credit-default"), page_size=2, position=position)

    assert [violation.field for violation in refusal.value.violations] == ["page_token"]


@given(
    st.sampled_from(["version", "create_time", "test_auc"]),
    st.booleans(),
    st.sampled_from([VersionFilter(), VersionFilter(classifier="lightgbm"), VersionFilter(alias="champion")]),
    st.integers(1, 4),
)
def test_a_registry_is_paged_as_the_whole_list_is(by: str, ascending: bool, filter_: VersionFilter, size: int) -> None:
    """Whether the registry itself can sort and filter or not, with the same tokens."""
    query = VersionQuery("credit-default", filter_, VersionOrder(by, ascending))
    registry, walked, position = FakeVersions(_ALL, {"champion": 1}), list[int](), ""

    while True:
        expected = select_page(_ALL, query, page_size=size, position=position)
        page, position = list_page(registry, query, page_size=size, position=position)
        walked += [each.version for each in page]
        assert ([each.version for each in page], position) == ([each.version for each in expected[0]], expected[1])
        if not position:
            break

    assert walked == [each.version for each in select_page(_ALL, query, page_size=50, position="")[0]]


def test_a_token_does_not_outlive_its_order() -> None:
    """Going on in another order would show some twice."""
    _, position = select_page(_ALL, VersionQuery("credit-default"), page_size=2, position="")

    with pytest.raises(InvalidInput):
        select_page(
            _ALL, VersionQuery("credit-default", order=VersionOrder("test_auc")), page_size=2, position=position
        )


@pytest.mark.parametrize(
    ("query", "fields"),
    [
        (VersionFilter(bounds=(MetricBound("acu", 0.7),)), ["filter.metrics[0].metric"]),
        (VersionFilter(bounds=(MetricBound("", 0.7),)), ["filter.metrics[0].metric"]),
        (VersionFilter(bounds=(MetricBound("test_auc"),)), ["filter.metrics[0].minimum"]),
        (VersionFilter(bounds=(MetricBound("test_auc", 0.7, float("nan")),)), ["filter.metrics[0].maximum"]),
        (VersionFilter(bounds=(MetricBound("test_auc", 0.7),) * 21), ["filter.metrics"]),
    ],
)
def test_a_range_that_means_nothing_is_refused(query: VersionFilter, fields: list[str]) -> None:
    """And so is a metric that no version has: it would give an empty list for a slip of the pen."""
    with pytest.raises(InvalidInput) as refusal:
        _shown(query)

    assert [violation.field for violation in refusal.value.violations] == fields


def test_an_order_by_what_no_version_has_is_refused() -> None:
    """With the words that there are."""
    with pytest.raises(InvalidInput, match="test_auc") as refusal:
        _shown(order=VersionOrder("test_acu"))

    assert [violation.field for violation in refusal.value.violations] == ["order.by"]


def test_a_model_without_versions_has_an_empty_list() -> None:
    """Whatever metric is asked for: there is none that it could have."""
    query = VersionQuery("credit-default", order=VersionOrder("test_auc"))

    assert select_page([], query, page_size=2, position="") == ([], "")
