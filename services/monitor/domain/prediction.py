"""Which predictions are meant: by name, by a filter, and by the place in a list where the next page goes on."""

import datetime as dt
import re
from dataclasses import dataclass, field

from services.monitor.domain.model import is_numbered
from services.monitor.domain.window import Window
from shared.errors import InvalidInput

_NAME = re.compile(r"(models/[^/]+/versions/[^/]+)/predictions/(([A-Za-z0-9-]{1,64})(?:\.([0-9]{1,9}))?)")


@dataclass(frozen=True)
class PredictionName:
    """A prediction of a model version, models/{model}/versions/{n}.

    `id` is a UUID, or for a row of a chunk that of the chunk with the row's place within it, from 0: UUID.PLACE.
    """

    model_version: str
    id: str

    @property
    def record_id(self) -> str:
        """Return the identifier of the record that holds the prediction."""
        return self.id.partition(".")[0]

    @property
    def position(self) -> int | None:
        """Return the place of a row within its chunk, None for what is not named as a row."""
        place = self.id.partition(".")[2]
        return int(place) if place else None

    def __str__(self) -> str:
        return f"{self.model_version}/predictions/{self.id}"


def parse_name(name: str, *, field_path: str) -> PredictionName:
    """Return the parts of models/{model}/versions/{n}/predictions/{id}; raises InvalidInput for `field_path`."""
    match = _NAME.fullmatch(name)
    if match is None or not is_numbered(match[1]):
        raise InvalidInput.of(field_path, "is not of the form models/{model}/versions/{number}/predictions/{id}")
    return PredictionName(match[1], match[2])


@dataclass(frozen=True, order=True)
class Place:
    """Where a prediction stands in the order of time; of one microsecond, the other fields decide one after the other.

    The rows of a chunk differ by their identifiers alone.
    """

    create_time: dt.datetime
    instance: str
    sequence: int
    prediction_id: str


@dataclass(frozen=True)
class PredictionFilter:
    """What predictions must be to be listed; what is empty or None narrows nothing.

    `decisions` and `purposes` are words of the log, such as REFUSE and DECISION. `start_time` is included, `end_time`
    is not. A `window` stands for purpose and times of its own, and needs a `model_version`.
    """

    model_version: str = ""
    start_time: dt.datetime | None = None
    end_time: dt.datetime | None = None
    decisions: frozenset[str] = field(default_factory=frozenset)
    purposes: frozenset[str] = field(default_factory=frozenset)
    applicant_id: str = ""
    application_number: str = ""
    window: Window | None = None


@dataclass(frozen=True)
class Bounds:
    """The part of the order that is still to be listed: below `before` and not below `first`; None is no bound."""

    before: Place | None = None
    first: Place | None = None
