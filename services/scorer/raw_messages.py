"""Raw applications from their messages to plain rows, each with its path, so that what is wrong in it can be named."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from counterfoil.homecredit.v1 import home_credit_pb2
from services.scorer.domain.requests import PlacedRow, RawApplication
from shared.errors import FieldViolation, InvalidInput
from shared.features.specification import APPLICATION

MAX_ROWS: Final = 10_000
_BUREAU_KEY: Final = "SK_ID_BUREAU"
# Each history table by the field that holds its rows.
_TABLES: Final = {
    "bureau": "bureau",
    "previous_application": "previous_application",
    "pos_cash_balance": "POS_CASH_balance",
    "installments_payments": "installments_payments",
    "credit_card_balance": "credit_card_balance",
}


def raw_from_proto(message: home_credit_pb2.LoanApplication, prefix: str) -> RawApplication:
    """Return the application; raises InvalidInput naming what is wrong below `prefix`, such as `subject.raw.`."""
    if not message.HasField("application"):
        raise InvalidInput.of(f"{prefix}application", "is not set; without it there is nothing to score")
    if message.WhichOneof("source") == "history_of" and not message.history_of:
        raise InvalidInput.of(f"{prefix}history_of", "is empty; name an applicant of the served model's data set")
    application = PlacedRow(APPLICATION, "application", _cells(message.application))
    history = _history(message.history)
    rows = [application, *(row for rows in history.values() for row in rows)]
    if len(rows) > MAX_ROWS:
        raise InvalidInput.of(f"{prefix}history", f"holds more than {MAX_ROWS} rows; send the applicant's own alone")
    violations = list(_not_finite(rows, prefix))
    if application.cells.get("CODE_GENDER") == "XNA":
        violations.append(FieldViolation(f"{prefix}application.code_gender", "is XNA, which training leaves out"))
    if violations:
        raise InvalidInput(violations)
    return RawApplication(application, history, message.history_of)


def _history(message: home_credit_pb2.History) -> dict[str, Sequence[PlacedRow]]:
    history: dict[str, Sequence[PlacedRow]] = {
        table: [
            PlacedRow(table, f"history.{field}[{place}]", _cells(row))
            for place, row in enumerate(getattr(message, field))
        ]
        for field, table in _TABLES.items()
    }
    # A loan has no number of its own here: its place ties its months to it.
    history["bureau"] = [
        PlacedRow(row.table, row.path, {**row.cells, _BUREAU_KEY: place}) for place, row in enumerate(history["bureau"])
    ]
    history["bureau_balance"] = list(_balances(message))
    return history


def _balances(message: home_credit_pb2.History) -> Iterator[PlacedRow]:
    for loan, row in enumerate(message.bureau):
        for place, balance in enumerate(row.balances):
            path = f"history.bureau[{loan}].balances[{place}]"
            yield PlacedRow("bureau_balance", path, {**_cells(balance), _BUREAU_KEY: loan})


def _columns(descriptor: Descriptor) -> Mapping[str, str]:
    """Return the column of each field that is one."""
    return {field.name: field.name.upper() for field in descriptor.fields if field.message_type is None}


_COLUMNS: Final = {
    message.DESCRIPTOR.full_name: _columns(message.DESCRIPTOR)
    for message in (
        home_credit_pb2.ApplicationRow,
        home_credit_pb2.BureauLoan,
        home_credit_pb2.BureauBalance,
        home_credit_pb2.PreviousApplication,
        home_credit_pb2.PosCashBalance,
        home_credit_pb2.InstallmentPayment,
        home_credit_pb2.CreditCardBalance,
    )
}


def _cells(row: Message) -> dict[str, float | str | None]:
    """Return the row's columns; an absent field is missing."""
    columns = _COLUMNS[row.DESCRIPTOR.full_name]
    return {columns[field.name]: value for field, value in row.ListFields() if field.name in columns}


def _not_finite(rows: Sequence[PlacedRow], prefix: str) -> Iterator[FieldViolation]:
    for row in rows:
        for column, value in row.cells.items():
            if isinstance(value, float) and not math.isfinite(value):
                why = "is not a finite number; leave out what is not known"
                yield FieldViolation(f"{prefix}{row.path}.{column.lower()}", why)
