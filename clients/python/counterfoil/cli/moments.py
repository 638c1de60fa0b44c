"""Times as people type them, always in UTC."""

from datetime import UTC, datetime
from typing import Final

import click
from google.protobuf.timestamp_pb2 import Timestamp

MOMENT: Final = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"])


def timestamp(moment: datetime | None) -> Timestamp | None:
    """Return the moment as a message, None for none."""
    if moment is None:
        return None
    time = Timestamp()
    time.FromDatetime(moment.replace(tzinfo=UTC))
    return time
