"""Resource names, taken apart and put together."""

import re

from shared.errors import InvalidInput

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")


def identifier(name: str, collection: str, *, field: str = "name") -> str:
    """Return the id in `collection/{id}`; raises InvalidInput that names the field."""
    head, _, tail = name.partition("/")
    if head != collection or not _ID.fullmatch(tail):
        raise InvalidInput.of(field, f"must be of the form {collection}/{{id}}")
    return tail


def version_name(model: str, version: int) -> str:
    """Return models/{model}/versions/{n}."""
    return f"models/{model}/versions/{version}"


def model_of(parent: str) -> str:
    """Return the model in models/{model}; raises InvalidInput."""
    return identifier(parent, "models", field="parent")


def model_and_version(name: str, *, field: str = "name") -> tuple[str, str]:
    """Return the model and the version number or alias in models/{model}/versions/{version}; raises InvalidInput."""
    parts = name.split("/")
    if parts[::2] != ["models", "versions"] or not all(_ID.fullmatch(part) for part in parts[1::2]) or len(parts) != 4:  # noqa: PLR2004
        raise InvalidInput.of(field, "must be of the form models/{model}/versions/{number or alias}")
    return parts[1], parts[3]


def version_number(name: str, *, field: str = "name") -> tuple[str, int]:
    """Return the model and the number in models/{model}/versions/{n}; an alias is refused with InvalidInput."""
    model, version = model_and_version(name, field=field)
    if not version.isdecimal() or len(version) > 9:  # noqa: PLR2004 - more digits than any registry will count
        raise InvalidInput.of(field, "must name a version by its number")
    return model, int(version)
