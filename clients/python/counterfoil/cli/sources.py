"""Where a data set's rows come from, as people write it: a folder of the eight tables, or one table of their own."""

import functools
import math
from collections.abc import Callable, Iterable
from typing import Any, Final

import click

from counterfoil.trainer.v1 import dataset_pb2

_FEATURE_SETS: Final = {
    None: dataset_pb2.FEATURE_SET_UNSPECIFIED,
    "reference": dataset_pb2.FEATURE_SET_REFERENCE,
    "extended": dataset_pb2.FEATURE_SET_EXTENDED,
}
_BESIDE_PREPARED: Final = ("id_column", "target_column", "positive", "reason_texts", "bounds")


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command --tables, --prepared and what describes a prepared table.

    They are passed together as `source`, a CreateDatasetRequest in which nothing but the source is set.
    """
    return _with_options(command, _source)


def optional_source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the same options, none of which must be given: `source` is None then."""
    return _with_options(command, _source_if_any)


def _with_options(command: Callable[..., Any], put_together: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(command)
    def with_source(
        *arguments: Any, tables: str | None, prepared: str | None, features: str | None, **others: Any
    ) -> Any:
        """Put the options together."""
        described = {name: others.pop(name) for name in _BESIDE_PREPARED}
        return command(*arguments, source=put_together(tables, prepared, features, described), **others)

    flagged: Callable[..., Any] = with_source
    for option in reversed(_OPTIONS):
        flagged = option(flagged)
    return flagged


def parse_reason_texts(texts: Iterable[str]) -> dict[str, str]:
    """Return the text by column; each is `COLUMN=TEXT`.

    Raises click.BadParameter for another form or a column twice.
    """
    found: dict[str, str] = {}
    for given in texts:
        column, equals, words = given.partition("=")
        if not (column and equals and words):
            raise click.BadParameter(f"{given!r} is no COLUMN=TEXT, for example age=Age in years")
        _refuse_second(found, column)
        found[column] = words
    return found


def parse_bounds(texts: Iterable[str]) -> dict[str, dataset_pb2.ValueBounds]:
    """Return the bounds by column; each is `COLUMN=MIN:MAX`, one of the two may be left out.

    Raises click.BadParameter for another form or a column twice.
    """
    found: dict[str, dataset_pb2.ValueBounds] = {}
    for given in texts:
        column, _, pair = given.rpartition("=")
        minimum, colon, maximum = pair.partition(":")
        try:
            bounds = dataset_pb2.ValueBounds(minimum=_number(minimum), maximum=_number(maximum))
        except ValueError:
            colon = ""
        if not (column and colon and (minimum or maximum)):
            raise click.BadParameter(f"{given!r} is no COLUMN=MIN:MAX, for example age=18:100 or amount=0:")
        _refuse_second(found, column)
        found[column] = bounds
    return found


def _source(
    tables: str | None, prepared: str | None, features: str | None, described: dict[str, Any]
) -> dataset_pb2.CreateDatasetRequest:
    if tables is not None and prepared is None:
        if any(described.values()):
            raise click.UsageError("--id, --target, --positive, --reason-text and --bound go with --prepared")
        return dataset_pb2.CreateDatasetRequest(
            home_credit=dataset_pb2.HomeCreditTables(directory=tables, features=_FEATURE_SETS[features])
        )
    if prepared is None or tables is not None:
        raise click.UsageError("give either --tables or --prepared")
    if features is not None:
        raise click.UsageError("--features goes with --tables; a prepared table's columns are its features")
    if described["id_column"] is None or described["target_column"] is None:
        raise click.UsageError("--prepared needs --id and --target")
    return dataset_pb2.CreateDatasetRequest(prepared=dataset_pb2.PreparedTable(path=prepared, **described))


def _source_if_any(
    tables: str | None, prepared: str | None, features: str | None, described: dict[str, Any]
) -> dataset_pb2.CreateDatasetRequest | None:
    if tables is None and prepared is None and features is None and not any(described.values()):
        return None
    return _source(tables, prepared, features, described)


def _number(text: str) -> float | None:
    if not text:
        return None
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _refuse_second(found: dict[str, Any], column: str) -> None:
    if column in found:
        raise click.BadParameter(f"{column} is given twice")


_OPTIONS: Final = (
    click.option("--tables", metavar="DIR", help="Folder with the eight tables, below the trainer's tables root."),
    click.option(
        "--features",
        type=click.Choice(["reference", "extended"]),
        help="What is made of them; extended is more and ranks better.  [default: reference]",
    ),
    click.option("--prepared", metavar="FILE", help="Or one table of your own, CSV or Parquet, below the same root."),
    click.option("--id", "id_column", metavar="COLUMN", help="Its column of identifiers."),
    click.option("--target", "target_column", metavar="COLUMN", help="Its column that says who defaulted."),
    click.option("--positive", metavar="VALUE", help="The target's value that means default.  [default: 1]"),
    click.option(
        "--reason-text",
        "reason_texts",
        multiple=True,
        metavar="COLUMN=TEXT",
        callback=lambda _context, _option, texts: parse_reason_texts(texts),
        help="What a column measures, for people; may be repeated.",
    ),
    click.option(
        "--bound",
        "bounds",
        multiple=True,
        metavar="COLUMN=MIN:MAX",
        callback=lambda _context, _option, texts: parse_bounds(texts),
        help="What a column's values may be; may be repeated.",
    ),
)
