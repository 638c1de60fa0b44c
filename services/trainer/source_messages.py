"""Sources of data sets between messages and the domain."""

from collections.abc import Mapping

from counterfoil.trainer.v1 import dataset_pb2, inspection_pb2
from services.trainer.domain.sources import Bounds, HomeCreditTables, PreparedTable, Source
from shared.errors import InvalidInput
from shared.features.sets import FeatureSet

_FEATURE_SETS: Mapping[dataset_pb2.FeatureSet.ValueType, FeatureSet] = {
    dataset_pb2.FeatureSet.Value(f"FEATURE_SET_{features.value}"): features for features in FeatureSet
}


def source_from_proto(request: dataset_pb2.CreateDatasetRequest | inspection_pb2.PreviewCleaningRequest) -> Source:
    """Return where the rows come from; raises InvalidInput where nothing says so."""
    match request.WhichOneof("source"):
        case "home_credit":
            return _tables_from_proto(request.home_credit)
        case "prepared":
            return _prepared_from_proto(request.prepared)
        case _:
            raise InvalidInput.of("source", "name where the rows come from: set home_credit or prepared")


def source_to_proto(source: Source) -> dataset_pb2.Dataset:
    """Return a data set of which nothing but the source is set."""
    if isinstance(source, HomeCreditTables):
        return dataset_pb2.Dataset(home_credit=_tables_to_proto(source))
    return dataset_pb2.Dataset(
        prepared=dataset_pb2.PreparedTable(
            path=source.path,
            id_column=source.id_column,
            target_column=source.target_column,
            positive=source.positive,
            reason_texts=source.reason_texts,
            bounds={
                column: dataset_pb2.ValueBounds(minimum=bounds.minimum, maximum=bounds.maximum)
                for column, bounds in source.bounds.items()
            },
        )
    )


def _tables_from_proto(message: dataset_pb2.HomeCreditTables) -> HomeCreditTables:
    if message.features == dataset_pb2.FEATURE_SET_UNSPECIFIED:
        return HomeCreditTables(message.directory)
    if message.features not in _FEATURE_SETS:
        raise InvalidInput.of("home_credit.features", f"must be one of {', '.join(FeatureSet)}")
    return HomeCreditTables(message.directory, _FEATURE_SETS[message.features])


def _tables_to_proto(tables: HomeCreditTables) -> dataset_pb2.HomeCreditTables:
    numbers = {features: number for number, features in _FEATURE_SETS.items()}
    return dataset_pb2.HomeCreditTables(directory=tables.directory, features=numbers[tables.features])


def _prepared_from_proto(message: dataset_pb2.PreparedTable) -> PreparedTable:
    return PreparedTable(
        path=message.path,
        id_column=message.id_column,
        target_column=message.target_column,
        positive=message.positive,
        reason_texts=dict(message.reason_texts),
        bounds={column: _bounds_from_proto(bounds) for column, bounds in message.bounds.items()},
    )


def _bounds_from_proto(message: dataset_pb2.ValueBounds) -> Bounds:
    return Bounds(
        minimum=message.minimum if message.HasField("minimum") else None,
        maximum=message.maximum if message.HasField("maximum") else None,
    )
