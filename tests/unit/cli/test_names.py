"""Resource names out of what people type."""

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.cli import names
from counterfoil.cli.views.layout import short_version


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("2", "models/credit-default/versions/2"),
        ("scorecard", "models/scorecard/versions/champion"),
        ("scorecard/7", "models/scorecard/versions/7"),
        ("scorecard/versions/7", "models/scorecard/versions/7"),
        ("scorecard/challenger", "models/scorecard/versions/challenger"),
        ("models/scorecard/versions/7", "models/scorecard/versions/7"),
    ],
)
def test_every_way_to_write_a_model_version_gives_its_name(typed: str, name: str) -> None:
    """The shortest is the number of a version of credit-default."""
    assert names.model_version_name(typed) == name


@pytest.mark.parametrize("typed", ["", "/", "a/", "/2", "a/b/c", "models/"])
def test_what_is_no_model_version_is_refused(typed: str) -> None:
    """Wrong usage is told before anything is sent."""
    with pytest.raises(click.BadParameter, match="models/MODEL/versions/N"):
        names.model_version_name(typed)


@pytest.mark.parametrize(
    ("name", "short"),
    [
        (names.dataset_name, "datasets/x"),
        (names.training_job_name, "trainingJobs/x"),
        (names.drift_report_name, "driftReports/x"),
        (names.model_name, "models/x"),
        (names.applicant_name, "applicants/x"),
    ],
)
def test_identifier_and_full_name_mean_the_same(name: "object", short: str) -> None:
    """What a command prints can be typed into the next one as it is."""
    assert callable(name)
    assert name("x") == name(short) == short


_IDENTIFIERS = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True).filter(lambda text: text != "versions")


@given(_IDENTIFIERS, st.integers(1, 10**6).map(str) | _IDENTIFIERS)
def test_full_name_of_a_version_is_its_own_and_every_shorter_one_leads_to_it(model: str, version: str) -> None:
    """What one command prints, whole or short, the next one takes."""
    name = f"models/{model}/versions/{version}"

    shorter = [name, f"{model}/versions/{version}", short_version(name)]

    assert {names.model_version_name(each) for each in shorter} == {name}


@given(st.text())
def test_any_text_is_a_version_or_wrong_usage(text: str) -> None:
    """Whatever is typed, it is a name of four parts or refused; nothing else comes out."""
    try:
        name = names.model_version_name(text)
    except click.BadParameter:
        return

    collection, model, versions, version = name.split("/")
    assert (collection, versions) == ("models", "versions")
    assert model
    assert version
    assert names.model_version_name(name) == name
