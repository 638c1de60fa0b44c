"""Applicants out of files: identifiers line by line, features and raw applications as JSON people can edit."""

import json
from collections.abc import Iterable
from typing import IO, Any

import click
from google.protobuf import json_format

from counterfoil.homecredit.v1 import home_credit_pb2
from counterfoil.types.v1 import feature_pb2


def read_ids(lines: Iterable[str]) -> list[str]:
    """Return the identifiers, one a line, in their order; empty lines and what follows a # are left out."""
    stripped = (line.partition("#")[0].strip() for line in lines)
    return [line for line in stripped if line]


def read_features(file: IO[str]) -> feature_pb2.FeatureMap:
    """Return the features of one applicant out of a JSON object: name to number, text (a category) or null (missing).

    Raises click.BadParameter when it is no such object, names a feature twice, or holds a value of another kind. What
    the numbers mean is left to the scorer, which names the field of a wrong one.
    """
    try:
        content = json.load(file, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise click.BadParameter(f"{file.name} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise click.BadParameter(f"{file.name} must hold one JSON object: feature name to number, text or null")
    return feature_pb2.FeatureMap(features={_sendable(name): _value(name, value) for name, value in content.items()})


def read_application(file: IO[str]) -> home_credit_pb2.LoanApplication:
    """Return a raw application out of its protobuf JSON form; raises click.BadParameter when it is none."""
    try:
        return json_format.Parse(file.read(), home_credit_pb2.LoanApplication())
    except (ValueError, json_format.ParseError, RecursionError) as error:
        raise click.BadParameter(f"{file.name} is no raw application: {error}") from error


def features_json(features: feature_pb2.FeatureMap) -> str:
    """Return the features as the JSON that `read_features` reads, one a line, by name."""
    values = {name: _plain(features.features[name]) for name in sorted(features.features)}
    return json.dumps(values, indent=2) + "\n"


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)} is named twice")
    return content


def _value(name: str, value: object) -> feature_pb2.FeatureValue:
    if value is None:
        return feature_pb2.FeatureValue(missing=feature_pb2.Missing())
    if isinstance(value, str):
        return feature_pb2.FeatureValue(category=_sendable(value))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return feature_pb2.FeatureValue(number=_real(name, value))
    raise click.BadParameter(f"{name} must be a number, a text or null")


def _real(name: str, value: float) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise click.BadParameter(f"{name} is too large for a number") from error


def _sendable(text: str) -> str:
    # JSON can write half of a surrogate pair, UTF-8 and so protobuf cannot.
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise click.BadParameter(f"{text!a} holds a character that is none") from error
    return text


def _plain(value: feature_pb2.FeatureValue) -> float | str | None:
    kind = value.WhichOneof("value")
    if kind == "number":
        return value.number
    return value.category if kind == "category" else None
