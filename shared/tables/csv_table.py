"""One CSV table that is checked while it is read for the first time: by whoever needs its rows."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl
import pyarrow as pa
from polars.io.plugins import register_io_source

from shared.errors import InvalidInput
from shared.tables.csv_blocks import Block, BrokenRow, parsed_blocks
from shared.tables.distinct import repeats
from shared.tables.reading import TableReport, refuse_empty, refuse_uneven, refuse_values, report_of
from shared.tables.schema import TableSchema
from shared.tables.sources import Source, first_text_in_numbers, unreadable
from shared.tables.text_codes import TextCodes

Codes = Mapping[str, TextCodes]


@dataclass
class CsvTable:
    """The rows of a CSV file in a schema's columns and types, each text as its Int16 code, -1 where it is missing.

    `codes` explains them as far as the file has been read; `report` is there once it has been read to its end.
    """

    source: Source
    schema: TableSchema
    report: TableReport | None = None

    @cached_property
    def codes(self) -> Codes:
        """The codes of each text column."""
        return {column: TextCodes() for column, kind in self.schema.columns.items() if kind == pl.String}

    def frame(self) -> pl.LazyFrame:
        """Return the rows, parsed whenever they are collected; then it raises what `open_tables` raises of the table.

        The first time they are read, all columns are parsed and checked; later those alone that are asked for. One
        column alone, such as keys that are needed before the rows, is parsed alone at any time.
        """
        types = {c: pl.Int16() if c in self.codes else kind() for c, kind in self.schema.columns.items()}
        return register_io_source(self._batches, schema=types)

    def reported(self) -> TableReport:
        """Return what was found of the table; reads it if nobody has."""
        while self.report is None:
            for _ in self._rows(()):
                pass
        return self.report

    def _batches(
        self, columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _: int | None
    ) -> Iterator[pl.DataFrame]:
        """Yield what is asked for, as an IO plugin of Polars does."""
        wanted = list(self.schema.columns) if columns is None else columns
        for rows in self._rows(tuple(wanted)):
            asked = rows.select(wanted) if predicate is None else rows.filter(predicate).select(wanted)
            yield asked if n_rows is None else asked.head(n_rows)
            n_rows = None if n_rows is None else n_rows - min(n_rows, asked.height)

    def _rows(self, columns: tuple[str, ...]) -> Iterator[pl.DataFrame]:
        try:
            if self.report is not None or len(columns) == 1:
                yield from map(self._frame, parsed_blocks(self.source.path, self.schema, columns))
            else:
                yield from self._checked_rows()
        except pa.ArrowInvalid as error:
            raise self._unparsed() from error
        except BrokenRow as error:
            raise unreadable(self.schema.name) from error

    def _checked_rows(self) -> Iterator[pl.DataFrame]:
        found = _Findings(self.schema)
        for block in parsed_blocks(self.source.path, self.schema, tuple(self.schema.columns)):
            rows = self._frame(block)
            found.look_at(block, rows)
            yield rows
        self.report = report_of(self.source, self.schema, found.refuse())

    def _frame(self, block: Block) -> pl.DataFrame:
        return pl.DataFrame([self._series(name, block) for name in block.names])

    def _series(self, name: str, block: Block) -> pl.Series:
        if name in self.codes:
            return block.codes(name, self.codes[name])
        # What does not fit was counted, and will be refused at the end.
        return block.numbers(name).cast(self.schema.columns[name], strict=False)

    def _unparsed(self) -> InvalidInput:
        violation = first_text_in_numbers(self.source, self.schema)
        return unreadable(self.schema.name) if violation is None else InvalidInput([violation], reason="COLUMN_TYPE")


@dataclass
class _Findings:
    """What is wrong with the rows seen so far, counted by reason and column."""

    schema: TableSchema
    rows: int = 0
    uneven: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    unique: list[pl.Series] = field(default_factory=list)

    def look_at(self, block: Block, rows: pl.DataFrame) -> None:
        """Take the rows of a block, as they were parsed and as they are handed on."""
        self.rows += rows.height
        self.uneven += block.uneven
        for column, kind in self.schema.columns.items():
            if kind != pl.String:
                self.counts[f"COLUMN_TYPE {column}"] += block.unfit(column)
        for key in self.schema.keys:
            self.counts[f"KEY_MISSING {key}"] += rows[key].null_count()
        if "TARGET" in self.schema.columns:
            fitting = rows["TARGET"].is_in([0, 1])
            self.counts["TARGET_INVALID TARGET"] += rows.height - int(fitting.sum())
        if self.schema.unique is not None:
            self.unique.append(rows[self.schema.unique])

    def refuse(self) -> int:
        """Return the number of rows; raises InvalidInput if any is not as it should be."""
        refuse_uneven(self.uneven, self.schema)
        refuse_empty(self.rows, self.schema)
        if self.schema.unique is not None:
            self.counts[f"DUPLICATE_KEY {self.schema.unique}"] = repeats(pl.concat(self.unique))
        refuse_values(self.counts, self.schema)
        return self.rows
