"""Bundles that records name: loaded once, the last few kept."""

from pathlib import Path

import pytest

from services.scorer.adapters.past_bundles import IN_MEMORY, PastBundles
from shared.bundle.registry import RegisteredVersion
from shared.errors import NotFound
from tests.bundles import tiny_bundle


def test_the_last_few_are_kept_and_the_longest_unused_goes_first(tmp_path: Path) -> None:
    """Each of the others is fetched once."""
    made = [tiny_bundle(tmp_path / str(seed), seed) for seed in range(IN_MEMORY + 1)]
    folders = {each.digest: each.folder for each in made}
    fetched: list[int] = []

    def fetch(version: RegisteredVersion) -> Path:
        fetched.append(version.version)
        return folders[version.bundle_digest]

    bundles = PastBundles(fetch, prepare=lambda: None)

    for number in (*range(IN_MEMORY), 0, IN_MEMORY, 0, 1):
        assert (
            bundles.find(f"models/credit-default/versions/{number}", made[number].digest).digest == made[number].digest
        )

    assert fetched == [*range(IN_MEMORY), IN_MEMORY, 1]


def test_a_name_of_no_version_is_not_found(tmp_path: Path) -> None:
    """Whatever a record says, nothing is looked up outside of what was registered."""
    bundles = PastBundles(lambda _version: tmp_path, prepare=lambda: None)

    for name in ("", "models/../versions/1", "models/x/versions/y"):
        with pytest.raises(NotFound, match="neither in this scorer's cache") as caught:
            bundles.find(name, "0" * 64)
        assert caught.value.reason == "BUNDLE_NOT_FOUND"
