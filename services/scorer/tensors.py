"""Tensors of the Open Inference Protocol to arrays and back."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Final

import numpy as np
from numpy.typing import NDArray

from counterfoil.inference.v2 import open_inference_pb2
from shared.errors import InvalidInput

BYTES: Final = "BYTES"
FP64: Final = "FP64"
_LENGTH: Final = struct.Struct("<I")
_LARGEST_ELEMENT_BYTES: Final = 1024
_LARGEST_EXACT: Final = float(1 << 53)
# Each number's form in raw contents, and the field of typed contents that holds it; FP16 has none.
_FORMS: Final = {
    "BOOL": ("?", "bool_contents"),
    "INT8": ("<i1", "int_contents"),
    "INT16": ("<i2", "int_contents"),
    "INT32": ("<i4", "int_contents"),
    "INT64": ("<i8", "int64_contents"),
    "UINT8": ("<u1", "uint_contents"),
    "UINT16": ("<u2", "uint_contents"),
    "UINT32": ("<u4", "uint_contents"),
    "UINT64": ("<u8", "uint64_contents"),
    "FP16": ("<f2", None),
    "FP32": ("<f4", "fp32_contents"),
    FP64: ("<f8", "fp64_contents"),
}

InputTensor = open_inference_pb2.ModelInferRequest.InferInputTensor


@dataclass(frozen=True)
class Tensor:
    """A named tensor: numbers as float64, whatever they came as, or texts; flat, row-major."""

    name: str
    shape: tuple[int, ...]
    elements: NDArray[np.float64] | list[str]


def read_tensors(request: open_inference_pb2.ModelInferRequest) -> list[Tensor]:
    """Return the tensors that go in; raises InvalidInput naming inputs[i] for one that is not what it says."""
    raws: Sequence[bytes | None] = request.raw_input_contents or [None] * len(request.inputs)
    if len(raws) != len(request.inputs):
        why = f"holds {len(raws)} byte strings for {len(request.inputs)} inputs; send one for each, or typed contents"
        raise InvalidInput.of("raw_input_contents", why)
    return [
        _read(tensor, raw, f"inputs[{place}]")
        for place, (tensor, raw) in enumerate(zip(request.inputs, raws, strict=True))
    ]


def encode_texts(texts: Sequence[str]) -> bytes:
    """Return the raw form of BYTES: each text's UTF-8 after its length."""
    encoded = [text.encode() for text in texts]
    return b"".join(_LENGTH.pack(len(each)) + each for each in encoded)


def encode_numbers(numbers: NDArray[np.float64]) -> bytes:
    """Return the raw form of FP64."""
    return np.ascontiguousarray(numbers, dtype="<f8").tobytes()


def _read(tensor: InputTensor, raw: bytes | None, path: str) -> Tensor:
    shape = tuple(tensor.shape)
    if not shape or min(shape) < 0:
        raise InvalidInput.of(f"{path}.shape", f"is {list(shape)}; give the number of applicants first")
    if raw is not None and tensor.HasField("contents"):
        raise InvalidInput.of(f"{path}.contents", "is set beside raw_input_contents; send one of the two")
    elements = _texts(tensor, raw, path) if tensor.datatype == BYTES else _numbers(tensor, raw, path)
    if len(elements) != prod(shape):
        raise InvalidInput.of(path, f"holds {len(elements)} elements where its shape {list(shape)} has {prod(shape)}")
    return Tensor(tensor.name, shape, elements)


def _numbers(tensor: InputTensor, raw: bytes | None, path: str) -> NDArray[np.float64]:
    if tensor.datatype not in _FORMS:
        known = ", ".join([*_FORMS, BYTES])
        raise InvalidInput.of(f"{path}.datatype", f"is none of the protocol's; give one of {known}")
    form, field = _FORMS[tensor.datatype]
    if raw is not None:
        given = _from_raw(raw, np.dtype(form), path)
    elif field is None:
        raise InvalidInput.of(f"{path}.contents", f"cannot hold {tensor.datatype}; send it as raw_input_contents")
    else:
        given = _from_contents(getattr(tensor.contents, field), np.dtype(form), path)
    numbers = given.astype(np.float64)
    if given.dtype.kind in "iu" and np.any(np.abs(numbers) > _LARGEST_EXACT):
        raise InvalidInput.of(path, "holds a whole number beyond 2^53, which a float64 cannot hold exactly")
    return numbers


def _from_raw(raw: bytes, form: np.dtype[np.generic], path: str) -> NDArray[np.generic]:
    if len(raw) % form.itemsize:
        why = f"are {len(raw)} bytes, which is no multiple of the {form.itemsize} that an element takes"
        raise InvalidInput.of(path, f"its raw contents {why}")
    return np.frombuffer(raw, form)


def _from_contents(given: Sequence[float], form: np.dtype[np.generic], path: str) -> NDArray[np.generic]:
    try:
        return np.array(given, dtype=form)
    except OverflowError as error:
        raise InvalidInput.of(path, "holds a number that its datatype cannot hold") from error


def _texts(tensor: InputTensor, raw: bytes | None, path: str) -> list[str]:
    elements = list(tensor.contents.bytes_contents) if raw is None else _split(raw, path)
    if any(len(each) > _LARGEST_ELEMENT_BYTES for each in elements):
        raise InvalidInput.of(path, f"holds an element longer than {_LARGEST_ELEMENT_BYTES} bytes; shorten it")
    try:
        return [each.decode() for each in elements]
    except UnicodeDecodeError as error:
        raise InvalidInput.of(path, "holds an element that is not UTF-8") from error


def _split(raw: bytes, path: str) -> list[bytes]:
    elements, place = [], 0
    while place < len(raw):
        start = place + _LENGTH.size
        if start > len(raw):
            raise InvalidInput.of(path, "its raw contents end within the length of an element")
        place = start + _LENGTH.unpack_from(raw, place)[0]
        if place > len(raw):
            raise InvalidInput.of(path, "its raw contents end within an element")
        elements.append(raw[start:place])
    return elements
