"""What a reason says to people: the same words when it is given and when it is looked up later."""

from shared.bundle.schema import Feature


def worded(feature: Feature, value: float) -> str:
    """Return the reason's text for an applicant with this value, NaN where it is missing.

    Of a level that the applicant does not have, the text says so: `Housing: not "rent"`. An applicant whose reason is
    that level's absence would read the contrary otherwise.
    """
    column = feature.reason_text.removesuffix(f": {feature.level}")
    if feature.kind != "one_hot" or value == 1.0 or column == feature.reason_text:
        return feature.reason_text
    return f'{column}: not "{feature.level}"'
