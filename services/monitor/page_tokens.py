"""Tokens of a list of predictions: where it goes on, and that it is the same list."""

import datetime as dt
import hashlib
import json
from typing import Any

from services.monitor.domain.prediction import Bounds, Place, PredictionFilter
from shared.errors import InvalidInput


def encode_bounds(bounds: Bounds, wanted: PredictionFilter) -> str:
    """Return the bounds of the next page of a list as text."""
    places = {"before": _written(bounds.before), "first": _written(bounds.first)}
    return json.dumps({"list": _list_of(wanted), **places}, separators=(",", ":"))


def decode_bounds(text: str, wanted: PredictionFilter) -> Bounds:
    """Return the bounds in a text; raises InvalidInput if it is none, or that of a list by another filter."""
    try:
        token = json.loads(text)
        bounds = Bounds(_read(token["before"]), _read(token["first"]))
        listed = token["list"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput.of("page_token", "is not a token of this list; leave it empty to start anew") from error
    if listed != _list_of(wanted):
        raise InvalidInput.of("page_token", "belongs to a list by another filter; leave it empty to start anew")
    return bounds


def _list_of(wanted: PredictionFilter) -> str:
    sets = {"decisions": sorted(wanted.decisions), "purposes": sorted(wanted.purposes)}
    content = {**vars(wanted), **sets, "window": wanted.window and vars(wanted.window)}
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:16]


def _written(place: Place | None) -> list[str | int] | None:
    if place is None:
        return None
    return [place.create_time.isoformat(), place.instance, place.sequence, place.prediction_id]


def _read(written: Any) -> Place | None:
    if written is None:
        return None
    time, instance, sequence, prediction_id = written
    place = Place(dt.datetime.fromisoformat(time), str(instance), int(sequence), str(prediction_id))
    if place.create_time.tzinfo is None:
        raise ValueError("a time without its zone")
    return place
