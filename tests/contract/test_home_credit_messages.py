"""The messages of a raw application are the Home Credit tables, column by column."""

import polars as pl
import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from counterfoil.homecredit.v1 import home_credit_pb2
from shared.tables.schema import TABLES

MESSAGES: dict[str, type[Message]] = {
    "application_test": home_credit_pb2.ApplicationRow,
    "bureau": home_credit_pb2.BureauLoan,
    "bureau_balance": home_credit_pb2.BureauBalance,
    "previous_application": home_credit_pb2.PreviousApplication,
    "POS_CASH_balance": home_credit_pb2.PosCashBalance,
    "installments_payments": home_credit_pb2.InstallmentPayment,
    "credit_card_balance": home_credit_pb2.CreditCardBalance,
}
TYPES = {
    pl.Int64: FieldDescriptor.TYPE_INT64,
    pl.Float64: FieldDescriptor.TYPE_DOUBLE,
    pl.String: FieldDescriptor.TYPE_STRING,
}


@pytest.mark.parametrize("table", MESSAGES)
def test_every_column_but_the_keys_is_an_optional_field_of_its_type(table: str) -> None:
    """Its name in lower case; absent and zero are two things."""
    fields = {field.name: field for field in MESSAGES[table].DESCRIPTOR.fields if field.message_type is None}
    columns = {name: kind for name, kind in TABLES[table].columns.items() if name not in TABLES[table].keys}

    assert {name: field.type for name, field in fields.items()} == {
        name.lower(): TYPES[kind] for name, kind in columns.items()
    }
    assert all(field.has_presence for field in fields.values())


def test_every_history_table_has_its_rows() -> None:
    """Those of bureau_balance lie inside of their loan."""
    fields = home_credit_pb2.History.DESCRIPTOR.fields_by_name
    tables = {name.lower() for name in TABLES if not name.startswith("application")} - {"bureau_balance"}

    assert set(fields) == tables
