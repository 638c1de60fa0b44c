"""What a reason says to people: the same words when it is given and when it is looked up later."""

from collections.abc import Iterable, Iterator, Sequence

from shared.bundle.schema import Feature


def worded(feature: Feature, value: float) -> str:
    """Return the reason's text for an applicant with this value, NaN where it is missing.

    That of the reason that the feature counts to with others comes before its own. Of a level that the applicant does
    not have, the text says so: `Housing: not "rent"`. An applicant whose reason is that level's absence would read the
    contrary otherwise.
    """
    if feature.principal_text:
        return feature.principal_text
    column = feature.reason_text.removesuffix(f": {feature.level}")
    if feature.kind != "one_hot" or value == 1.0 or column == feature.reason_text:
        return feature.reason_text
    return f'{column}: not "{feature.level}"'


def worded_again(
    codes: Iterable[str],
    contributions: Iterable[tuple[int, float]],
    features: Sequence[Feature],
    values: Sequence[float],
) -> Iterator[str]:
    """Yield the text of each principal reason as it was told, empty where it cannot be known any more.

    `contributions` are the recorded ones, (position, log-odds) by falling absolute value; the heaviest of a reason has
    worded it. `values` are the inputs, none if they are erased.
    """
    heaviest: dict[str, int] = {}
    for position, contribution in contributions:
        if contribution > 0 and position < min(len(features), len(values)):
            heaviest.setdefault(features[position].reason, position)
    for code in codes:
        position = heaviest.get(code, -1)
        yield worded(features[position], values[position]) if position >= 0 else ""
