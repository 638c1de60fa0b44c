"""Applicants out of files."""

import io
import json

from hypothesis import given
from hypothesis import strategies as st

from counterfoil.cli.applicants import features_json, read_features, read_ids

_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
_VALUES = st.none() | st.text(st.characters(exclude_categories=["Cs"])) | st.floats(allow_nan=False)


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
