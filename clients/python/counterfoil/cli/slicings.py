"""Ways to divide a window, as people type them: `AMT_CREDIT`, `AMT_CREDIT=100000,500000`, `AMT_CREDIT>=100000`."""

import re
from collections.abc import Sequence
from typing import Final

import click

from counterfoil.monitor.v1 import performance_pb2

_CONDITION: Final = re.compile(r"(?P<feature>.+?)\s*(?P<sign>>=|<|=)\s*(?P<value>.+)")


def feature_slicing(text: str) -> performance_pb2.Slicing:
    """Return the slicing by FEATURE, cut at the numbers after a `=`; raises click.BadParameter for other text there."""
    name, _, edges = text.rpartition("=") if "=" in text else (text, "", "")
    cuts = [_number(edge, "--by") for edge in edges.split(",") if edge.strip()]
    return performance_pb2.Slicing(feature=performance_pb2.FeatureSlicing(name=name.strip(), edges=cuts))


def set_slicing(conditions: Sequence[str]) -> performance_pb2.Slicing:
    """Return the set of those who meet all conditions, named by them; raises click.BadParameter for what is none."""
    by_feature: dict[str, performance_pb2.SliceCondition] = {}
    for text in conditions:
        match = _CONDITION.fullmatch(text.strip())
        if match is None:
            raise click.BadParameter(
                f"{text!r} is no FEATURE>=NUMBER, FEATURE<NUMBER or FEATURE=LEVEL", param_hint="--where"
            )
        condition = by_feature.setdefault(match["feature"], performance_pb2.SliceCondition(feature=match["feature"]))
        if match["sign"] == "=":
            condition.levels.append(match["value"])
        elif match["sign"] == "<":
            condition.maximum = _number(match["value"], "--where")
        else:
            condition.minimum = _number(match["value"], "--where")
    label = " and ".join(text.strip() for text in conditions)
    return performance_pb2.Slicing(set=performance_pb2.SetSlicing(label=label, conditions=by_feature.values()))


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise click.BadParameter(f"{text!r} is no number", param_hint=option) from error
