"""What people see of cleaning: how many columns each rule drops, and which."""

from collections.abc import Sequence
from typing import Final, Literal

from rich.console import RenderableType

from counterfoil.cli.views.layout import figure, listing
from counterfoil.trainer.v1 import dataset_pb2

_SHOWN_EXAMPLES: Final = 3
_RULES: Final = (
    (dataset_pb2.CLEANING_RULE_ALL_MISSING, "no value at all in train"),
    (dataset_pb2.CLEANING_RULE_MISSING_SHARE, "share of missing values above"),
    (dataset_pb2.CLEANING_RULE_VARIANCE, "variance below"),
    (dataset_pb2.CLEANING_RULE_TARGET_ETA_SQUARED, "eta² with the target above"),
    (dataset_pb2.CLEANING_RULE_TARGET_CRAMERS_V, "Cramér's V with the target above"),
    (dataset_pb2.CLEANING_RULE_CATEGORICAL_ASSOCIATION, "Cramér's V with a kept variable above"),
    (dataset_pb2.CLEANING_RULE_CORRELATION, "absolute correlation with a kept column above"),
)

# A later trainer may have rules that this client does not know.
_OTHER_RULE: Final = "another reason"


def rules_view(columns: Sequence[dataset_pb2.ColumnFate]) -> RenderableType:
    """Return how many columns are kept, and how many each rule drops, with examples."""
    kept = [fate for fate in columns if fate.kept]
    rows = [("kept", str(len(kept)), f"{sum(fate.missing_share > 0 for fate in kept)} of them with missing values")]
    for rule, words in _RULES:
        dropped = [fate for fate in columns if fate.rule == rule]
        if dropped:
            rows.append(
                (f"dropped: {words} {_number(dropped[0], 'bound')}".rstrip(), str(len(dropped)), _examples(dropped))
            )
    others = [fate for fate in columns if not fate.kept and fate.rule not in dict(_RULES)]
    if others:
        rows.append((f"dropped: {_OTHER_RULE}", str(len(others)), _examples(others)))
    return listing(("columns", "number", "for example"), rows, title="cleaning", right=("number",))


def dropped_columns_view(columns: Sequence[dataset_pb2.ColumnFate]) -> RenderableType:
    """Return one line for each column that is dropped, with the rule, its figure and its bound."""
    rows = [
        (
            fate.column,
            dict(_RULES).get(fate.rule, _OTHER_RULE),
            _number(fate, "bound"),
            _number(fate, "figure"),
            fate.partner,
        )
        for fate in columns
        if not fate.kept
    ]
    headings = ("column", "dropped for", "bound", "figure", "goes with")
    return listing(headings, rows, title="dropped columns", right=("bound", "figure"))


def _examples(fates: Sequence[dataset_pb2.ColumnFate]) -> str:
    named = [f"{fate.column} {_number(fate, 'figure')}".rstrip() for fate in fates[:_SHOWN_EXAMPLES]]
    return ", ".join([*named, "..."] if len(fates) > _SHOWN_EXAMPLES else named)


def _number(fate: dataset_pb2.ColumnFate, field: Literal["bound", "figure"]) -> str:
    return figure(getattr(fate, field)) if fate.HasField(field) else ""
