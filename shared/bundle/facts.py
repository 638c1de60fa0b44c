"""What a bundle says about its model, for those who do not score: read and checked without loading the model."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.bundle.manifest import BundleRejected, Manifest, Sealed, open_sealed, read_json
from shared.bundle.profile import Profile
from shared.bundle.schema import FeatureSchema

SCHEMA, CLEANING, CALIBRATOR, PROFILE = "schema.json", "cleaning.json", "calibrator.json", "profile.json"
RAW_FEATURES = "raw_features.json"


@dataclass(frozen=True)
class BundleFacts:
    """The documents of a bundle whose digests were checked; `cleaning` is the data set's record as JSON."""

    digest: str
    manifest: Manifest
    schema: FeatureSchema
    profile: Profile
    cleaning: Mapping[str, Any]


def read_facts(folder: Path, *, digest: str | None = None) -> BundleFacts:
    """Return the facts of the bundle in a folder, which must be the one of `digest` if that is given.

    Needs no library of any model. Raises BundleRejected.
    """
    return facts_of(open_sealed(folder, digest))


def facts_of(sealed: Sealed) -> BundleFacts:
    """Return the facts of a bundle that was opened; raises BundleRejected if its documents do not fit together."""
    with rejecting():
        schema = FeatureSchema.from_json(read_json(sealed.files[SCHEMA]))
        profile = Profile.from_json(read_json(sealed.files[PROFILE]))
        if not schema.names == profile.names or len(profile.features) != len(profile.names):
            raise ValueError("its profile is of other features than its schema")
        return BundleFacts(sealed.digest, sealed.manifest, schema, profile, read_json(sealed.files[CLEANING]))


@contextmanager
def rejecting() -> Iterator[None]:
    """Turn what parsing raises for other contents than expected into BundleRejected."""
    try:
        yield
    except KeyError as error:
        raise BundleRejected(f"it lacks {error}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise BundleRejected(str(error)) from error
