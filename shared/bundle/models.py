"""The kinds of models that may be read from a bundle."""

from collections.abc import Callable, Mapping

from shared.bundle.lightgbm_model import LightGbmModel
from shared.bundle.linear_model import LinearModel
from shared.bundle.model import Model
from shared.bundle.projected_model import ProjectedModel
from shared.bundle.scorecard_model import ScorecardModel
from shared.bundle.tree_model import TreeModel

# The allow-list: whatever a bundle says, nothing else is ever read as a model.
_CODECS: Mapping[str, Callable[[Mapping[str, bytes]], Model]] = {
    LightGbmModel.kind: LightGbmModel.from_files,
    LinearModel.kind: LinearModel.from_files,
    TreeModel.kind: TreeModel.from_files,
    ScorecardModel.kind: ScorecardModel.from_files,
    ProjectedModel.kind: lambda files: ProjectedModel.from_files(files, read_model),
}


def read_model(kind: str, files: Mapping[str, bytes]) -> Model:
    """Return the model that `Model.files` wrote; the digests of the bytes must have been checked.

    Raises ValueError for a kind that is not in the allow-list, ValueError, KeyError or TypeError for other contents.
    """
    if kind not in _CODECS:
        raise ValueError(f"{kind!r} is no kind of model that is served; known are {', '.join(_CODECS)}")
    return _CODECS[kind](files)
