"""The model document: what a lender's validation asks about a model, written by its training."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.trainer.domain.cleaning import CleaningRecord
from services.trainer.domain.markdown import ABSENT, bullets, figure, paragraph, section, share, table
from services.trainer.domain.plan import TrainingPlan
from services.trainer.domain.results import SPLITS, DatasetResult
from services.trainer.domain.scored import Scored
from services.trainer.domain.slices import FEWEST_ROWS, FOUR_FIFTHS, Attribute
from services.trainer.domain.threshold import Costs
from services.trainer.domain.training import Training
from shared.bundle.schema import Feature
from shared.calibration import calibration_bins

_HEAVIEST = 15
METRICS = {
    "auc": "area under the ROC curve",
    "gini": "Gini",
    "ks": "Kolmogorov-Smirnov",
    "average_precision": "average precision",
    "log_loss": "log loss",
    "brier": "Brier score",
    "expected_calibration_error": "expected calibration error",
    "business_cost": "business cost per applicant",
    "approval_rate": "approval rate",
    "bad_rate": "defaults among the approved",
    "recall": "defaults refused",
    "precision": "defaults among the refused",
    "balanced_accuracy": "balanced accuracy",
}


@dataclass(frozen=True)
class ModelFacts:
    """Everything that the document tells. `features` are the kept ones with their weights (mean |contribution|).

    `attributes` are of the test split, out of fold where it is empty, as `judged_on` says. Nothing that
    `barred_columns` have a part in was used.
    """

    job: str
    plan: TrainingPlan
    dataset: DatasetResult
    record: CleaningRecord
    training: Training
    features: Sequence[tuple[Feature, float]]
    attributes: Sequence[Attribute]
    judged_on: str
    library_versions: Mapping[str, str]
    promotion_obstacle: str = ""
    barred_columns: Sequence[str] = ()

    @property
    def judged(self) -> Scored:
        """The split that had least part in the training."""
        return self.training.scored[self.judged_on]


def model_document(facts: ModelFacts) -> str:
    """Return the document as Markdown; equal facts give equal bytes."""
    parts = (
        [f"# Model document: {facts.plan.model}", ""],
        paragraph(
            f"A model of the classifier `{facts.plan.classifier}`, trained by `{facts.job}` on",
            f"`datasets/{facts.plan.dataset}`. The training wrote this document and computed every figure in it.",
        ),
        _use(facts),
        _data(facts),
        _cleaning(facts.record),
        _features(facts),
        _search(facts),
        _quality(facts),
        _calibration(facts),
        _threshold(facts),
        groups_section(facts.attributes, facts.judged_on),
        _limits(facts),
        _reproduction(facts),
    )
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _use(facts: ModelFacts) -> list[str]:
    return section(
        "Intended use",
        paragraph(
            "It estimates the probability that an applicant for a loan defaults, as the target of its data set says,",
            f"and proposes to refuse if and only if that is {facts.training.threshold.value:.6f} or more. It is meant",
            "for applicants like those of its data set, with reasons given to each who is refused, and a person to",
            "turn to. It is not meant for other products or populations, nor for anything but credit.",
        ),
    )


def _data(facts: ModelFacts) -> list[str]:
    dataset = facts.dataset
    tables = [(each.table, each.format or "absent", f"{each.rows:,}", _code(each.digest)) for each in dataset.tables]
    splits = []
    for name in SPLITS:
        split = dataset.splits[name]
        known = split.defaults is not None
        rate = split.defaults / split.rows if split.defaults is not None and split.rows else None
        splits.append(
            (name, f"{split.rows:,}", f"{split.defaults:,}" if known else ABSENT, share(rate), f"`{split.digest}`")
        )
    dropped = [f"{dataset.dropped_applications:,} applications were left out by the feature rules."]
    barred = ", ".join(map(_code, facts.barred_columns))
    return section(
        "Data",
        table(("table", "format", "rows", "SHA-256"), tables),
        table(("split", "applicants", "defaults", "default rate", "SHA-256"), splits),
        paragraph(f"SHA-256 of the data set: `{dataset.digest}`.", *(dropped if dataset.dropped_applications else [])),
        paragraph(f"Barred from any use, in whole or in part: {barred}.") if barred else [],
    )


def _code(text: str) -> str:
    return f"`{text}`" if text else ABSENT


def _cleaning(record: CleaningRecord) -> list[str]:
    options = [f"{name}: {value}" for name, value in record.options.__dict__.items() if value is not None]
    dropped = Counter(fate.rule.value for fate in record.columns if fate.rule is not None)
    return section(
        "Cleaning",
        paragraph("Fitted on the train split alone, and anew in every fold of the cross-validation."),
        bullets(options),
        paragraph(f"Of {len(record.columns):,} columns {len(record.kept):,} were kept."),
        table(("rule", "columns dropped"), [(rule, f"{count:,}") for rule, count in sorted(dropped.items())])
        if dropped
        else [],
    )


def _features(facts: ModelFacts) -> list[str]:
    if facts.promotion_obstacle:
        return section("What weighs most", paragraph("This model gives no contributions of its features."))
    heaviest = sorted(facts.features, key=lambda pair: (-pair[1], pair[0].name))[:_HEAVIEST]
    rows = [(f"`{feature.name}`", feature.reason_text, figure(weight)) for feature, weight in heaviest]
    return section(
        "What weighs most",
        paragraph("Mean absolute contribution to the log-odds over the train split."),
        table(("feature", "meaning", "contribution"), rows),
    )


def _search(facts: ModelFacts) -> list[str]:
    plan, best, resampling = facts.plan, facts.training.best, facts.plan.resampling
    tried: dict[str, set[str]] = {}
    for trial in facts.training.trials:
        for name, value in trial.hyperparameters.items():
            tried.setdefault(name, set()).add(f"{value}")
    rows = [(f"`{name}`", f"{value}", f"{len(tried[name])}") for name, value in sorted(best.hyperparameters.items())]
    return section(
        "Search",
        bullets(
            [
                f"{len(facts.training.trials):,} combinations tried; number {best.number} was taken",
                f"method {plan.search.method.value}, for the best {plan.search.objective.value}",
                f"stratified cross-validation: {resampling.folds} folds, {resampling.repeats} time(s)",
                f"seed {resampling.seed}",
                f"columns prepared by: {plan.preprocessing.value}",
                f"against the rarity of defaults: {plan.imbalance.value}",
            ]
        ),
        table(("hyper-parameter", "taken", "different values tried"), rows),
    )


def _quality(facts: ModelFacts) -> list[str]:
    metrics, splits = facts.training.metrics, list(facts.training.scored)
    baseline = facts.dataset.baseline_metrics
    dummy = {name: baseline.get(f"{facts.judged_on}_{name}", baseline.get(f"train_{name}")) for name in METRICS}
    dummy["business_cost"] = metrics.get(f"{facts.judged_on}_dummy_business_cost")
    rows = [
        (text, *(figure(metrics.get(f"{split}_{name}")) for split in splits), figure(dummy[name]))
        for name, text in METRICS.items()
    ]
    return section(
        "Quality",
        paragraph(
            "`cv` is out of fold: neither model nor calibrator had seen the applicant, though the threshold was chosen",
            "on these rows. `test` had no part in anything. The dummy gives everybody the most frequent answer.",
        ),
        table(("metric", *splits, "dummy"), rows),
    )


def _calibration(facts: ModelFacts) -> list[str]:
    bins = calibration_bins(facts.judged.targets, facts.judged.probabilities)
    rows = [
        (f"{number}", f"{count:,}", figure(said), figure(seen))
        for number, (count, said, seen) in enumerate(zip(bins.rows, bins.probabilities, bins.shares, strict=True), 1)
    ]
    return section(
        "Calibration",
        paragraph(
            f"Probabilities come from a calibrator of the kind {facts.training.calibrator.kind}, fitted on margins out",
            f"of fold. Groups of `{facts.judged_on}` of about equal size, by probability; expected calibration error",
            f"{figure(facts.training.metrics[f'{facts.judged_on}_expected_calibration_error'])}.",
        ),
        table(("group", "applicants", "mean probability", "default rate"), rows),
    )


def _threshold(facts: ModelFacts) -> list[str]:
    metrics, split = facts.training.metrics, facts.judged_on
    own, dummy = metrics[f"{split}_business_cost"], metrics[f"{split}_dummy_business_cost"]
    return section(
        "Threshold and costs",
        bullets(
            [
                *cost_lines(facts.plan.costs),
                f"threshold {facts.training.threshold.value:.6f}, which of all there are costs least out of fold",
                f"cost per applicant on `{split}`: {own:.4f}, against {dummy:.4f} of the dummy ({share(own / dummy)})",
                f"approved on `{split}`: {share(metrics[f'{split}_approval_rate'])}, of whom"
                f" {share(metrics.get(f'{split}_bad_rate'))} default",
            ]
        ),
    )


def cost_lines(costs: Costs) -> list[str]:
    """Return what each wrong answer costs, in words."""
    return [
        f"approving an applicant who defaults costs {_cost(costs.false_negative, costs.false_negative_column)}",
        f"refusing one who would have paid costs {_cost(costs.false_positive, costs.false_positive_column)}",
    ]


def _cost(factor: float, column: str) -> str:
    return f"{factor:g} times `{column}`" if column else f"{factor:g}"


def groups_section(attributes: Sequence[Attribute], judged_on: str) -> list[str]:
    """Return the section on how a threshold treats groups of applicants."""
    if not attributes:
        text = "The data set tells no gender, age, family, education or kind of contract by a name that is known here."
        return section("Groups of applicants", paragraph(text, "Nothing is said of how the model treats groups."))
    lines = paragraph(
        f"On `{judged_on}`. The ratio is the smallest approval rate over the largest, of groups with at least",
        f"{FEWEST_ROWS} applicants; below {FOUR_FIFTHS} (the four-fifths rule, 29 CFR 1607.4 D) somebody has to say",
        "why the difference is needed.",
    )
    for attribute in attributes:
        lines += _attribute(attribute)
    return section("Groups of applicants", lines)


def _attribute(attribute: Attribute) -> list[str]:
    rows = [
        (
            each.group,
            f"{each.rows:,}",
            share(each.default_rate),
            figure(each.auc),
            share(each.approval_rate),
            share(each.bad_rate),
        )
        for each in attribute.slices
    ]
    seen = "Used by the model." if attribute.seen else "Not used by the model."
    return [
        f"### {attribute.name}",
        "",
        *paragraph(seen, _verdict(attribute.impact_ratio)),
        *table(("group", "applicants", "default rate", "AUC", "approved", "defaults among the approved"), rows),
    ]


def _verdict(ratio: float | None) -> str:
    if ratio is None:
        return "No two groups are large enough to be compared."
    verdict = "**below four fifths**" if ratio < FOUR_FIFTHS else "four fifths or more"
    return f"Ratio of approval rates {ratio:.4f}, {verdict}."


def _limits(facts: ModelFacts) -> list[str]:
    limits = [
        "The data do not say when an applicant applied, so nothing is known of how the model holds over time: rows were"
        " held out at random, not by date.",
        "Who was refused in the past is not in the data with an outcome; the model has not learnt from them.",
        "Groups were compared by rates alone. No cause was looked for, nor any attribute that the data set lacks.",
        "Costs are what the lender said, not what was measured.",
    ]
    if facts.promotion_obstacle:
        limits.insert(0, f"It must not be promoted: {facts.promotion_obstacle}.")
    if facts.judged_on != "test":
        limits.insert(
            0, "There is no test split: every figure is out of fold, on rows that the threshold was chosen on."
        )
    if facts.plan.imbalance.oversamples:
        limits.append(
            "Applicants were made up for the training (not for any figure here); reasons of the model rest on them too."
        )
    return section("Limits", bullets(limits))


def _reproduction(facts: ModelFacts) -> list[str]:
    versions = ", ".join(f"{library} {version}" for library, version in sorted(facts.library_versions.items()))
    return section(
        "Reproduction",
        paragraph(f"The same data set, request and seed give the same model, bit for bit, with {versions}."),
    )
