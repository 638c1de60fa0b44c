"""The bundles that stored records name, whether they still serve or not; the last few stay in memory."""

import re
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from shared.bundle.manifest import BundleRejected
from shared.bundle.reading import Bundle, load_bundle
from shared.bundle.registry import RegisteredVersion
from shared.errors import NotFound

IN_MEMORY: Final = 4
_NAME: Final = re.compile(r"models/([^/]+)/versions/([0-9]{1,9})")


class PastBundles:
    """Finds bundles by digest; may be asked by many threads, of which one loads at a time."""

    def __init__(self, fetch: Callable[[RegisteredVersion], Path], *, prepare: Callable[[], None]) -> None:
        """`fetch` returns a version's folder from its cache if it can; `prepare` is called before it is asked."""
        self._fetch = fetch
        self._prepare = prepare
        self._loading = threading.Lock()
        self._loaded: OrderedDict[str, Bundle] = OrderedDict()

    def find(self, model_version: str, digest: str) -> Bundle:
        """Return the verified bundle of that digest, which was registered as models/{model}/versions/{n}.

        Raises NotFound (BUNDLE_NOT_FOUND) if neither the cache nor MLflow has it, Unavailable (MLFLOW_UNAVAILABLE).
        """
        with self._loading:
            bundle = self._loaded.pop(digest, None) or self._load(model_version, digest)
            self._loaded[digest] = bundle
            if len(self._loaded) > IN_MEMORY:
                self._loaded.popitem(last=False)
            return bundle

    def _load(self, model_version: str, digest: str) -> Bundle:
        named = _NAME.fullmatch(model_version)
        if named is None:
            raise _not_found(model_version, digest)
        version = RegisteredVersion(named[1], int(named[2]), run_id="", bundle_digest=digest)
        self._prepare()
        try:
            return load_bundle(self._fetch(version), digest=digest)
        except BundleRejected as error:
            raise _not_found(model_version, digest) from error


def _not_found(model_version: str, digest: str) -> NotFound:
    return NotFound(
        "the bundle that the record names is neither in this scorer's cache nor, as it was, in MLflow; put it back "
        "into MLflow, or ask a scorer that served it",
        reason="BUNDLE_NOT_FOUND",
        metadata={"model_version": model_version[:200], "bundle_digest": digest[:64]},
    )
