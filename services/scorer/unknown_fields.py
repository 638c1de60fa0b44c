"""What a message holds that its contract does not know: fields of another version, or sent as another wire type.

Python's protobuf keeps them silently apart, so that a misspelt amount would be scored as a missing one.
"""

from collections.abc import Iterator

from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet

from shared.errors import FieldViolation


def has_unknown_fields(message: Message) -> bool:
    """Return whether the message or one inside of it, maps included, holds unknown fields: quick where none does."""
    known = type(message)()
    known.CopyFrom(message)
    known.DiscardUnknownFields()  # type: ignore[attr-defined]  # the stubs do not know it
    return known.ByteSize() != message.ByteSize()


def has_own_unknown_fields(message: Message) -> bool:
    """Return whether the message holds unknown fields, other than inside of its own messages: quicker still."""
    return len(UnknownFieldSet(message)) > 0


def unknown_fields(message: Message, path: str) -> Iterator[FieldViolation]:
    """Yield a violation for the message and each one inside of it, maps left out, that holds unknown fields."""
    found = sorted({field.field_number for field in UnknownFieldSet(message)})
    if found:
        numbers = ", ".join(map(str, found))
        why = f"holds fields that the contract does not know or has as another type ({numbers}); leave them out"
        yield FieldViolation(path, why)
    for field, value in message.ListFields():
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        if field.is_repeated:
            for place, each in enumerate(value):
                yield from unknown_fields(each, f"{path}.{field.name}[{place}]")
        else:
            yield from unknown_fields(value, f"{path}.{field.name}")
