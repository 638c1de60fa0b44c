"""Pages of what scorers did not answer."""

import datetime as dt
import json
from dataclasses import dataclass

from shared.errors import InvalidInput


@dataclass(frozen=True, order=True)
class FailurePlace:
    """Where a failure stands in the list, newest last: the record that tells of it, and how many more that one tells.

    `day` is the one that the record was stored on, so that one that came late is on no page that was read before.
    """

    day: dt.date
    create_time: dt.datetime
    instance: str
    sequence: int
    following: int

    def to_text(self) -> str:
        """Return the place as a page token has it."""
        times = [self.day.isoformat(), self.create_time.isoformat()]
        return json.dumps([*times, self.instance, self.sequence, self.following])

    @classmethod
    def from_text(cls, text: str) -> "FailurePlace":
        """Return the place that `to_text` wrote; raises InvalidInput for another text."""
        try:
            day, time, instance, sequence, following = json.loads(text)
            times = (dt.date.fromisoformat(day), dt.datetime.fromisoformat(time))
            place = cls(*times, str(instance), int(sequence), int(following))
        except (ValueError, TypeError) as error:
            raise _no_token() from error
        if place.create_time.tzinfo is None:
            raise _no_token()
        return place


@dataclass(frozen=True)
class FailureFilter:
    """Which failures are wanted: recorded from `start_time` on, before `end_time`, and further down than `below`."""

    start_time: dt.datetime | None = None
    end_time: dt.datetime | None = None
    below: FailurePlace | None = None


def _no_token() -> InvalidInput:
    return InvalidInput.of("page_token", "is not a token of this list; leave it empty to start anew")
