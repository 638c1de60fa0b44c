"""Ranges of metrics as people write them: `test_auc=0.75`."""

import math
from collections.abc import Iterable, Mapping

import click

from counterfoil.trainer.v1 import training_pb2


def parse_bounds(at_least: Iterable[str], at_most: Iterable[str]) -> list[training_pb2.MetricBound]:
    """Return one range for each metric that is named; each text is `METRIC=VALUE`.

    Raises click.BadParameter for a text of another form and for a metric that is given twice on one side.
    """
    low, high = _by_metric(at_least), _by_metric(at_most)
    return [
        training_pb2.MetricBound(metric=metric, minimum=low.get(metric), maximum=high.get(metric))
        for metric in dict.fromkeys([*low, *high])
    ]


def _by_metric(texts: Iterable[str]) -> Mapping[str, float]:
    bounds: dict[str, float] = {}
    for text in texts:
        metric, _, figure = (part.strip() for part in text.partition("="))
        try:
            value = float(figure)
        except ValueError:
            value = math.nan
        if not metric or math.isnan(value):
            raise click.BadParameter(f"{text!r} is no METRIC=VALUE, for example test_auc=0.75")
        if metric in bounds:
            raise click.BadParameter(f"{metric} is given twice")
        bounds[metric] = value
    return bounds
