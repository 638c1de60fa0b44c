"""What every .proto of the contract must hold, read from the compiled descriptors."""

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from google.protobuf import descriptor_pb2
from google.rpc import status_pb2

PROTOS = Path(__file__).parents[2] / "protos"
FILES = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("counterfoil/**/*.proto"))
# The Open Inference Protocol gives its own names, and shapes them otherwise than we do.
OURS = [name for name in FILES if "/inference/" not in name]
# Numbers of the kinds of element in a descriptor's source path (descriptor.proto).
MESSAGE, ENUM, SERVICE, FIELD, NESTED, METHOD, VALUE, ONEOF = 4, 5, 6, 2, 3, 2, 2, 8


@pytest.fixture(scope="module")
def descriptors(tmp_path_factory: pytest.TempPathFactory) -> dict[str, descriptor_pb2.FileDescriptorProto]:
    """The contract's files with their comments."""
    out = tmp_path_factory.mktemp("descriptors") / "set.pb"
    includes = [f"-I{PROTOS}", f"-I{files('grpc_tools') / '_proto'}", f"-I{Path(str(status_pb2.__file__)).parents[2]}"]
    options = [*includes, "--include_source_info", f"--descriptor_set_out={out}"]
    compiled = subprocess.run([sys.executable, "-m", "grpc_tools.protoc", *options, *FILES], check=False)
    assert compiled.returncode == 0, "protoc refused the contract"
    descriptor_set = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    return {file.name: file for file in descriptor_set.file}


def _elements(file: descriptor_pb2.FileDescriptorProto) -> Iterator[tuple[tuple[int, ...], str]]:
    """Yield the source path and the name of everything that owes a comment."""
    for i, message in enumerate(file.message_type):
        yield from _message_elements(message, (MESSAGE, i), message.name)
    for i, enum in enumerate(file.enum_type):
        yield (ENUM, i), enum.name
        yield from (((ENUM, i, VALUE, j), value.name) for j, value in enumerate(enum.value))
    for i, service in enumerate(file.service):
        yield (SERVICE, i), service.name
        yield from (((SERVICE, i, METHOD, j), method.name) for j, method in enumerate(service.method))


def _message_elements(
    message: descriptor_pb2.DescriptorProto, path: tuple[int, ...], name: str
) -> Iterator[tuple[tuple[int, ...], str]]:
    yield path, name
    yield from (((*path, FIELD, i), f"{name}.{field.name}") for i, field in enumerate(message.field))
    declared = [oneof for oneof in message.oneof_decl if not oneof.name.startswith("_")]
    yield from (((*path, ONEOF, i), f"{name}.{oneof.name}") for i, oneof in enumerate(declared))
    for i, nested in enumerate(message.nested_type):
        if not nested.options.map_entry:
            yield from _message_elements(nested, (*path, NESTED, i), f"{name}.{nested.name}")


@pytest.mark.parametrize("name", FILES)
def test_every_element_is_documented(name: str, descriptors: dict[str, descriptor_pb2.FileDescriptorProto]) -> None:
    """Messages, fields, oneofs, enums, values, services and rpcs each have a comment."""
    file = descriptors[name]

    comments = {tuple(location.path): location.leading_comments.strip() for location in file.source_code_info.location}
    bare = [element for path, element in _elements(file) if not comments.get(path)]

    assert bare == []


@pytest.mark.parametrize("name", FILES)
def test_every_enum_starts_with_a_prefixed_unspecified_zero(
    name: str, descriptors: dict[str, descriptor_pb2.FileDescriptorProto]
) -> None:
    """The zero of an enum means that nothing was sent, and every value carries the enum's name."""
    for enum in descriptors[name].enum_type:
        prefix = re.sub(r"(?<!^)(?=[A-Z])", "_", enum.name).upper()

        zero = next(value.name for value in enum.value if value.number == 0)

        assert zero == f"{prefix}_UNSPECIFIED"
        assert all(value.name.startswith(prefix) for value in enum.value)


@pytest.mark.parametrize("name", OURS)
def test_package_names_its_folder_and_version(
    name: str, descriptors: dict[str, descriptor_pb2.FileDescriptorProto]
) -> None:
    """Package counterfoil.<room>.v<n> lies in counterfoil/<room>/v<n>, with at most one service to a file."""
    file = descriptors[name]

    assert file.package == str(Path(name).parent).replace("/", ".")
    assert re.fullmatch(r"counterfoil\.[a-z]+\.v\d+", file.package)
    assert len(file.service) <= 1
    assert all(service.name.endswith("Service") for service in file.service)


@pytest.mark.parametrize("name", FILES)
def test_rpcs_take_requests_of_their_own(name: str, descriptors: dict[str, descriptor_pb2.FileDescriptorProto]) -> None:
    """Each rpc has a request message of its own name, so that it can grow without touching another."""
    for service in descriptors[name].service:
        requests = [method.input_type.rsplit(".", 1)[1] for method in service.method]

        assert requests == [f"{method.name}Request" for method in service.method]


def test_committed_stubs_are_fresh() -> None:
    """A run of the generator changes no committed stub."""
    command = [sys.executable, str(PROTOS / "generate.py"), "--check"]

    outcome = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    assert outcome.returncode == 0, outcome.stderr
