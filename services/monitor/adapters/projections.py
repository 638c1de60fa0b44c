"""The projections: one Delta table per model version with named feature columns, derived from the ledger."""

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake

from services.monitor.adapters.locations import PROJECTIONS, Location
from services.monitor.adapters.log_store import Configuration, LogStore
from services.monitor.adapters.projection_rows import COMMIT_COLUMN
from services.monitor.domain.model import split_name

# Figures of hundreds of features a file would make every reader parse them all.
_CONFIGURATION: Configuration = {"delta.dataSkippingStatsColumns": "instance,sequence"}


class Projections:
    """The tables of a store; appending the same commits of the ledger again changes nothing."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._tables: dict[str, DeltaTable] = {}

    def append(self, model_version: str, rows: pa.Table, commit: int) -> pa.Table:
        """Add the rows of a model version that the ledger holds up to `commit` and return those it did not have."""
        if not rows.num_rows:
            return rows
        model, version = split_name(model_version, field="model_version")
        return self._append(f"{PROJECTIONS}/{model}/{version}", rows, Transaction("ledger", commit), ["day"])

    def set_apart(self, model_version: str, rows: pa.Table, commit: int) -> None:
        """Add rows that fit no projection to the table `set_apart`, once as well."""
        if rows.num_rows:
            self._append(f"{PROJECTIONS}/set_apart", rows, Transaction(f"ledger/{model_version}", commit), [])

    def _append(self, name: str, rows: pa.Table, transaction: Transaction, partition_by: list[str]) -> pa.Table:
        table = self._open(name, rows.schema, partition_by)
        done = table.transaction_version(transaction.app_id)
        if done is not None:
            rows = rows.filter(pc.greater(rows[COMMIT_COLUMN], done))
        if not rows.num_rows:
            return rows
        properties = CommitProperties(app_transactions=[transaction])
        write_deltalake(table, rows.drop_columns([COMMIT_COLUMN]), mode="append", commit_properties=properties)
        self._store.make_durable(name, table.version(), table.version())
        return rows

    def _open(self, name: str, schema: pa.Schema, partition_by: list[str]) -> DeltaTable:
        if name not in self._tables:
            stored = schema.remove(schema.get_field_index(COMMIT_COLUMN))
            self._tables[name] = self._store.open(name) or self._store.create(
                name, stored, partition_by=partition_by, configuration=_CONFIGURATION
            )
        table = self._tables[name]
        table.update_incremental()
        return table


def projection_folder(projections: Location, model_version: str) -> Location:
    """Return where the projection of models/{model}/versions/{n} lies; raises InvalidInput for another name."""
    model, version = split_name(model_version, field="model_version")
    return projections / model / version
