"""The monitor's one SQL database: all of its state that is not the log."""

from shared.database import Database, Trouble

_TROUBLE = Trouble(
    "MONITOR_DATABASE_UNAVAILABLE",
    "the monitor's database cannot be read or written now; see that its disk has room, or that the server of "
    "COUNTERFOIL_MONITOR_DATABASE answers, then try again",
)


def open_database(url: str) -> Database:
    """Return the database at a SQLAlchemy URL; each room that keeps something in it makes its own tables.

    Raises Precondition (DATABASE_URL_UNUSABLE) or, now and at every use, Unavailable (MONITOR_DATABASE_UNAVAILABLE).
    """
    return Database(url, trouble=_TROUBLE)
