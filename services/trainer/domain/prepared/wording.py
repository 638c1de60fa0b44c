"""How the features of a prepared table are named to people and machines: reason texts and reason codes."""

from shared.features.texts import REASON_CODE_LENGTH, digest_code, readable_code


def text_of(column: str, words: str) -> str:
    """Return what a column measures, as a phrase that begins with a capital letter: the words given, else its name."""
    text = words or " ".join(column.replace("_", " ").replace(".", " ").split()) or column
    return text[0].upper() + text[1:]


def code_of(name: str) -> str:
    """Return a feature's code: UPPER_SNAKE, ASCII, at most 60 characters, depending on the name alone.

    Names of different `identity` never share one: where the code cannot show all of it, six digits of a digest follow.
    """
    code = readable_code(name)
    shown = name.isascii() and code == identity(name).upper() and len(code) <= REASON_CODE_LENGTH
    return code if shown else digest_code(name)


def identity(name: str) -> str:
    """Return what tells names apart: neither case nor whether words are parted by spaces or underscores."""
    return name.casefold().replace(" ", "_")
