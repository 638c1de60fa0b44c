"""Applicants out of files."""

import io
import json
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from counterfoil.cli.applicants import features_json, read_application, read_features, read_ids
from counterfoil.types.v1 import feature_pb2

_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
_VALUES = st.none() | st.text(st.characters(exclude_categories=["Cs"])) | st.floats(allow_nan=False)


def _read(content: bytes, folder: Path) -> feature_pb2.FeatureMap:
    (path := folder / "applicant.json").write_bytes(content)
    with path.open() as file:
        return read_features(file)


@given(st.dictionaries(_NAMES, _VALUES))
def test_features_written_are_the_features_read(values: dict[str, float | str | None]) -> None:
    """Writing and reading lose neither a bit of a number nor the difference between missing, empty and zero."""
    features = read_features(io.StringIO(json.dumps(values)))

    again = read_features(io.StringIO(features_json(features)))

    assert again == features
    assert json.loads(features_json(features)) == values


def test_identifiers_keep_order_and_repeats() -> None:
    """An applicant may be asked about twice; what follows a # is a note."""
    assert read_ids(["2\n", " 1 # first\n", "\n", "# all\n", "2"]) == ["2", "1", "2"]


@given(st.lists(st.from_regex(r"[0-9A-Za-z_-]{1,9}", fullmatch=True)))
def test_identifiers_are_read_alike_from_lines_and_from_commas(identifiers: list[str]) -> None:
    """Line ends of any system and spaces around a comma do not count."""
    lines = read_ids(io.StringIO("\r\n".join(identifiers)))

    assert lines == read_ids(" , ".join(identifiers).split(",")) == identifiers


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is no JSON"),
        (b'{"A": 1,}', "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"null", "must hold one JSON object"),
        (b'"A"', "must hold one JSON object"),
        (b'{"A": {"B": 1}}', "A must be a number, a text or null"),
        (b'{"A": [1]}', "A must be a number, a text or null"),
        (b'{"A": false}', "A must be a number, a text or null"),
        (b'{"A": {"B": 1, "B": 2}}', "B is named twice"),
        (b'{"A": 1' + b"0" * 400 + b"}", "A is too large for a number"),
        (rb'{"A": "\ud800"}', "'\\ud800' holds a character that is none"),
        (rb'{"\udfff": 1}', "'\\udfff' holds a character that is none"),
    ],
    ids=str,
)
def test_what_cannot_be_sent_is_wrong_usage(tmp_path: Path, content: bytes, problem: str) -> None:
    """Whatever the file holds, the message says what is wrong with it; nothing crashes."""
    with pytest.raises(click.BadParameter) as raised:
        _read(content, tmp_path)

    assert problem in raised.value.message


def test_null_and_empty_text_and_zero_are_three_things(tmp_path: Path) -> None:
    """Missing is said explicitly; the service never guesses it."""
    features = _read(b'{"A": null, "B": "", "C": 0}', tmp_path).features

    assert [features[name].WhichOneof("value") for name in "ABC"] == ["missing", "category", "number"]


def test_whole_number_is_sent_as_the_nearest_real_one(tmp_path: Path) -> None:
    """Features are doubles: beyond 2**53 a whole number is rounded as everywhere."""
    assert _read(b'{"A": 9007199254740993}', tmp_path).features["A"].number == 2.0**53


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_finite_number_is_left_to_the_scorer(tmp_path: Path, word: str) -> None:
    """It names the field in its refusal; here it must arrive unchanged."""
    number = _read(f'{{"A": {word}}}'.encode(), tmp_path).features["A"].number

    assert json.dumps(number) == word


def test_applicants_file_is_sorted_by_name_and_ends_with_a_line() -> None:
    """Two of them can be compared line by line; a value that holds nothing is missing."""
    value = feature_pb2.FeatureValue
    features = feature_pb2.FeatureMap(features={"B": value(number=0.5), "A": value()})

    assert features_json(features) == '{\n  "A": null,\n  "B": 0.5\n}\n'


def test_a_raw_application_is_read_from_the_json_form_of_its_message(tmp_path: Path) -> None:
    """Names as in the contract; what is left out is absent, zero is zero."""
    (path := tmp_path / "application.json").write_text(
        '{"application": {"amt_credit": 0, "code_gender": "F"}, "history": {"bureau": [{"days_credit": -300}]}}'
    )

    with path.open() as file:
        read = read_application(file)

    assert read.application.HasField("amt_credit")
    assert not read.application.HasField("amt_annuity")
    assert [loan.days_credit for loan in read.history.bureau] == [-300]


@pytest.mark.parametrize("content", ["{", '{"application": {"amt_credt": 1}}', '{"application": {"amt_credit": "x"}}'])
def test_what_is_no_raw_application_is_refused_with_the_place(tmp_path: Path, content: str) -> None:
    """A misspelt field would otherwise be a missing value."""
    (path := tmp_path / "application.json").write_text(content)

    with path.open() as file, pytest.raises(click.BadParameter, match=r"application\.json is no raw application"):
        read_application(file)
