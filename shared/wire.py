"""Other forms of a message with the same encoding, for those who hold what is encoded."""

from typing import Any, Final

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_SIZE_BYTES: Final = 5
"""A message has less than 2 GiB."""


def raw_form(message: type[Message], *fields: str) -> Any:
    """Return a message class of the same encoding, in which those fields are the bytes that are encoded in them.

    Fields are embedded messages, then the bytes are those of the message, or packed numbers: the bytes of a double are
    then its memory on the machines that we run on, so that a whole array is copied at once. Raises ValueError for other
    fields.
    """
    form = descriptor_pb2.DescriptorProto()
    message.DESCRIPTOR.CopyToProto(form)  # type: ignore[no-untyped-call]  # untyped in the stubs
    for name in fields:
        if not _has_length(message.DESCRIPTOR.fields_by_name[name]):
            raise ValueError(f"{name} is no packed field and no message")
    for field in form.field:
        if field.name in fields:
            field.type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
            field.label = descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL
            field.ClearField("type_name")
    package = f"raw.{'_'.join(fields)}.{message.DESCRIPTOR.full_name}"
    file = descriptor_pb2.FileDescriptorProto(name=package, package=package, syntax="proto3", message_type=[form])
    origin = message.DESCRIPTOR.file
    file.dependency.extend([origin.name, *(each.name for each in origin.dependencies)])
    pool = descriptor_pool.Default()  # type: ignore[no-untyped-call]  # untyped in the stubs
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{form.name}"))


def _has_length(field: FieldDescriptor) -> bool:
    return field.is_packed or (field.type == FieldDescriptor.TYPE_MESSAGE and not field.is_repeated)


def field_head(field_number: int, size: int) -> bytes:
    """Return what stands before the content of a field of bytes or of a message: protobuf's tag and varint.

    With it a message is put together by hand whose content has megabytes, which protobuf would copy several times.
    """
    return varint(field_number << 3 | 2) + varint(size)


def field_at(content: bytes, start: int, field_number: int) -> slice | None:
    """Return where the content of a field of bytes or of a message lies that begins at `start`.

    None if another field begins there, or the content ends before the field does.
    """
    tag = varint(field_number << 3 | 2)
    if not content.startswith(tag, start):
        return None
    size = 0
    for place, byte in enumerate(content[start + len(tag) : start + len(tag) + _SIZE_BYTES]):
        size |= (byte & 0x7F) << 7 * place
        if byte < 0x80:  # noqa: PLR2004  # the last one
            first = start + len(tag) + place + 1
            return slice(first, first + size) if first + size <= len(content) else None
    return None


def varint(number: int) -> bytes:
    """Return protobuf's encoding of a number that is not negative."""
    content = bytearray()
    while number > 0x7F:  # noqa: PLR2004  # seven bits a byte
        content.append(number & 0x7F | 0x80)
        number >>= 7
    content.append(number)
    return bytes(content)
