"""A chain of events shows what was changed, left out or put in between."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.trainer.domain.audit import GENESIS, Intent, Known, Link, Outcome, verify_chain
from shared.digests import digest_of

_FIELDS = ("time", "caller", "action", "resource", "reason", "request_id", "details", "outcome", "error_reason")


def _chain(count: int) -> list[tuple[Link, str]]:
    chain: list[tuple[Link, str]] = []
    previous = GENESIS
    for number in range(1, count + 1):
        link = Link(
            number, 0, f"2026-01-01T12:00:{number:02}", "CN=officer", "PromoteModelVersion", "models/m/versions/1"
        )
        previous = link.hash_after(previous)
        chain.append((link, previous))
    return chain


def test_a_chain_as_it_was_written_is_intact() -> None:
    """Its head can be noted elsewhere and is found again when the chain has grown."""
    report = verify_chain(_chain(3))

    assert (report.broken_sequence, report.head_sequence) == (None, 3)
    assert verify_chain(_chain(5), [Known(report.head_sequence, report.head_hash)]).broken_sequence is None


def test_an_empty_chain_is_intact() -> None:
    """Its head is the one that the first link builds on, which anybody can compute."""
    report = verify_chain([])

    assert (report.broken_sequence, report.head_sequence) == (None, 0)
    assert report.head_hash == digest_of(b"counterfoil.trainer.audit")


@given(st.integers(0, 4), st.sampled_from(_FIELDS))
def test_any_change_of_a_link_shows_there(place: int, field: str) -> None:
    """Whatever field it is in."""
    chain = _chain(5)
    link, hash_ = chain[place]
    chain[place] = replace(link, **{field: "another"}), hash_  # type: ignore[arg-type]  # each of them is text

    assert verify_chain(chain).broken_sequence == place + 1


@given(st.integers(0, 3))
def test_a_link_that_was_written_anew_with_its_hash_shows_after_it(place: int) -> None:
    """To hide a change, every later link must be written anew as well."""
    chain = _chain(5)
    previous = chain[place - 1][1] if place else GENESIS
    changed = replace(chain[place][0], caller="CN=somebody else")
    chain[place] = changed, changed.hash_after(previous)

    assert verify_chain(chain).broken_sequence == place + 2


@given(st.integers(0, 3))
def test_a_link_that_was_taken_out_shows(place: int) -> None:
    """Its number is missing."""
    chain = _chain(5)
    del chain[place]

    assert verify_chain(chain).broken_sequence == place + 1


def test_only_a_head_from_elsewhere_shows_that_the_end_was_cut_off() -> None:
    """What is left is a chain of its own."""
    whole = verify_chain(_chain(5))

    assert verify_chain(_chain(3)).broken_sequence is None
    assert verify_chain(_chain(3), [Known(5, whole.head_hash)]).broken_sequence == 4


def test_only_a_head_from_elsewhere_shows_that_all_was_written_anew() -> None:
    """Whoever can write the database can compute hashes."""
    other = [(replace(link, caller="CN=nobody"), "") for link, _ in _chain(3)]
    previous, anew = GENESIS, []
    for link, _ in other:
        previous = link.hash_after(previous)
        anew.append((link, previous))

    noted = [Known(2, _chain(3)[1][1])]

    assert verify_chain(anew).broken_sequence is None
    assert verify_chain(anew, noted).broken_sequence == 2


def test_two_notes_of_one_link_must_agree() -> None:
    """A note that is wrong is not outvoted by one that is right."""
    right = _chain(2)[1][1]

    assert verify_chain(_chain(2), [Known(2, right), Known(2, "0" * 64)]).broken_sequence == 2


def test_an_intent_is_kept_within_bounds() -> None:
    """What a caller sends has no bounds yet when it is written down; NUL cannot be stored everywhere."""
    long = "x" * 10_000

    kept = Intent("CN=\0", "Promote", long, long, long, {"alias": long, "model": ""}).clipped()

    assert (len(kept.resource), len(kept.reason), len(kept.request_id)) == (256, 500, 128)
    assert kept.caller == "CN=\N{REPLACEMENT CHARACTER}"
    assert {name: len(text) for name, text in kept.details.items()} == {"alias": 200}


def test_a_link_is_open_until_its_end_is_written() -> None:
    """Nothing is taken for done that nobody saw done."""
    assert Link(1, 0, "2026-01-01T12:00:00").outcome == Outcome.OPEN
