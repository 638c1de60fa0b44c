"""A database of a service's state: durable, shared, and clear about what is wrong with it."""

from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select
from sqlalchemy.exc import IntegrityError

from shared.database import Database, Trouble
from shared.errors import Precondition, Unavailable

THINGS = Table("things", MetaData(), Column("id", Integer, primary_key=True, autoincrement=False))
TROUBLE = Trouble("THINGS_UNAVAILABLE", "the things cannot be read now; try again")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """Return a database with the table of things, in a folder that it makes."""
    database = Database(f"sqlite:///{tmp_path / 'new' / 'things.db'}", trouble=TROUBLE)
    database.create_tables(THINGS)
    return database


def _insert(database: Database, ids: list[int]) -> None:
    with database.transaction() as connection:
        for each in ids:
            connection.execute(insert(THINGS).values(id=each))


def _ids(database: Database) -> list[int]:
    with database.transaction() as connection:
        return list(connection.execute(select(THINGS.c.id)).scalars())


def test_every_connection_waits_for_the_disk(database: Database) -> None:
    """Write-ahead log, and synchronous FULL (2) whatever the library's default is."""
    with database.transaction() as connection:
        journal = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
        synchronous = connection.exec_driver_sql("PRAGMA synchronous").scalar_one()

    assert (journal, synchronous) == ("wal", 2)


def test_an_error_undoes_its_transaction(database: Database) -> None:
    """No row is there; the violated key passes as it is, for who wants to act on it."""
    with pytest.raises(IntegrityError):
        _insert(database, [1, 2, 2])

    assert _ids(database) == []


def test_what_the_database_refuses_is_told_in_its_owners_words(database: Database) -> None:
    """A table that is not there stands for everything else that can go wrong."""
    with database.transaction() as connection:
        THINGS.drop(connection)

    with pytest.raises(Unavailable) as refusal:
        _ids(database)

    assert (refusal.value.reason, refusal.value.message) == (TROUBLE.reason, TROUBLE.message)


@pytest.mark.parametrize("url", ["things.db", "nosuch://host/things", "postgresql+nosuchdriver://host/things"])
def test_a_url_of_no_database_is_refused_without_repeating_it(url: str) -> None:
    """It may hold a password."""
    with pytest.raises(Precondition) as refusal:
        Database(url, trouble=TROUBLE)

    assert refusal.value.reason == "DATABASE_URL_UNUSABLE"
    assert url not in refusal.value.message
