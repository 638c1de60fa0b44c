"""The document of a version at another threshold says what changed, and keeps what its base version's says."""

from dataclasses import replace

from services.trainer.domain.slices import Attribute, Slice
from services.trainer.domain.threshold import Costs
from services.trainer.domain.threshold_document import ThresholdFacts, threshold_document
from services.trainer.domain.versions import ThresholdWish
from tests.unit.trainer.versions import version

_GROUPS = (Slice("M", 70, 0.2, 0.7, 0.5, 0.1), Slice("F", 50, 0.1, None, 0.9, None))
_FACTS = ThresholdFacts(
    base=version(
        3,
        {"cv_business_cost": 0.5, "cv_approval_rate": 0.8, "test_business_cost": 0.52},
        costs=Costs(0.6, 0.1, "AMT_CREDIT"),
        scored={"cv": "a" * 64, "test": "b" * 64},
    ),
    wish=ThresholdWish("credit-default", 3, 0.25, "fewer\n# refusals", "CN=analyst"),
    metrics={
        "cv_business_cost": 0.55,
        "cv_approval_rate": 0.9,
        "test_business_cost": 0.6,
        "test_dummy_business_cost": 0.8,
    },
    attributes=[Attribute("CODE_GENDER", True, _GROUPS)],
    judged_on="test",
    base_document="# Model document: credit-default\n\n## Limits\n\n- many\n",
)


def test_it_tells_decisions_before_and_now_for_every_split() -> None:
    """Of the metrics that a threshold decides; what no training reported is a dash."""
    lines = threshold_document(_FACTS).splitlines()

    assert "| metric | cv, before | cv, now | test, before | test, now |" in lines
    assert "| business cost per applicant | 0.5000 | 0.5500 | 0.5200 | 0.6000 |" in lines
    assert "| approval rate | 0.8000 | 0.9000 | - | - |" in lines
    assert "- approving an applicant who defaults costs 0.6 times `AMT_CREDIT`" in lines
    assert "- 75.0% of what the dummy costs on `test`" in lines


def test_it_says_whose_model_it_is_who_wanted_it_and_why() -> None:
    """Whatever somebody wrote as the reason stays within its paragraph."""
    text = threshold_document(_FACTS)

    assert "The model of `models/credit-default/versions/3`, not trained again" in text
    assert "CN=analyst had it registered and gave as the reason: fewer # refusals\n" in text
    assert "Ratio of approval rates 0.5556, **below four fifths**." in text


def test_the_base_versions_document_follows_one_level_down() -> None:
    """So that this version's own sections stand apart from it; a run without one is told as such."""
    text = threshold_document(_FACTS)
    without = threshold_document(replace(_FACTS, base_document=""))

    assert text.endswith("## Model document: credit-default\n\n### Limits\n\n- many\n")
    assert "## The document of `models/credit-default/versions/3`" in text
    assert without.endswith("Its run keeps none.\n")
