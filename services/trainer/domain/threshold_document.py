"""The model document of a version with another one's model: what its threshold changes, then what it does not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from services.trainer.domain.markdown import bullets, figure, paragraph, section, share, table
from services.trainer.domain.model_document import METRICS, cost_lines, groups_section
from services.trainer.domain.slices import Attribute
from services.trainer.domain.versions import ModelVersion, ThresholdWish

# Those of the metrics that a threshold decides.
_DECIDED = ("business_cost", "approval_rate", "bad_rate", "recall", "precision", "balanced_accuracy")


@dataclass(frozen=True)
class ThresholdFacts:
    """Everything that the document tells. `metrics` are those at the wished threshold, by split and name.

    `attributes` are of the split `judged_on`. `base_document` is the base version's, empty if it has none.
    """

    base: ModelVersion
    wish: ThresholdWish
    metrics: Mapping[str, float]
    attributes: Sequence[Attribute]
    judged_on: str
    base_document: str


def threshold_document(facts: ThresholdFacts) -> str:
    """Return the document as Markdown; equal facts give equal bytes."""
    parts = (
        [f"# Model document: {facts.base.model} at the threshold {facts.wish.threshold:.6f}", ""],
        _origin(facts),
        _decisions(facts),
        groups_section(facts.attributes, facts.judged_on),
        _base(facts),
    )
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _base_name(facts: ThresholdFacts) -> str:
    return f"models/{facts.base.model}/versions/{facts.base.version}"


def _origin(facts: ThresholdFacts) -> list[str]:
    return paragraph(
        f"The model of `{_base_name(facts)}`, not trained again: probabilities and reasons are the same to the bit. It",
        f"proposes to refuse if and only if the probability is {facts.wish.threshold:.6f} or more, where that version",
        f"does from {facts.base.threshold:.6f} on. {facts.wish.creator} had it registered and gave as the reason:",
        f"{' '.join(facts.wish.reason.split())}",
    )


def _decisions(facts: ThresholdFacts) -> list[str]:
    splits = list(facts.base.scored)
    own, dummy = (facts.metrics.get(f"{facts.judged_on}_{name}") for name in ("business_cost", "dummy_business_cost"))
    against = (
        [] if own is None or not dummy else [f"{share(own / dummy)} of what the dummy costs on `{facts.judged_on}`"]
    )
    rows = [(METRICS[name], *_both(facts, splits, name)) for name in _DECIDED]
    headings = [f"{split}, {which}" for split in splits for which in ("before", "now")]
    return section(
        "Threshold and costs",
        bullets(
            [
                *cost_lines(facts.base.costs),
                "a person chose the threshold; it is not the one that costs least out of fold",
                *against,
            ]
        ),
        table(("metric", *headings), rows),
    )


def _both(facts: ThresholdFacts, splits: Iterable[str], name: str) -> list[str]:
    keys = [f"{split}_{name}" for split in splits]
    return [figure(metrics.get(key)) for key in keys for metrics in (facts.base.metrics, facts.metrics)]


def _base(facts: ThresholdFacts) -> list[str]:
    title = f"The document of `{_base_name(facts)}`"
    if not facts.base_document:
        return section(title, paragraph("Its run keeps none."))
    # One level down, so that the sections above remain those of this version.
    lines = [f"#{line}" if line.startswith("#") else line for line in facts.base_document.splitlines()]
    text = "What it says of data, cleaning, search, ranking and calibration is true here too; of decisions, above."
    return section(title, paragraph(text), lines)
