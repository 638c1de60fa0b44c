"""Documents stay readable whatever is written in them."""

from services.trainer.domain.markdown import bullets, figure, paragraph, section, share, table


def test_table_is_one_line_a_row() -> None:
    """Headings, a rule, the rows, an empty line."""
    assert table(("a", "b"), [("1", "2")]) == ["| a | b |", "| --- | --- |", "| 1 | 2 |", ""]


def test_text_in_a_cell_breaks_no_table() -> None:
    """Bars are escaped and lines joined: names of a lender's columns may hold anything."""
    assert table(("a",), [("x|y\nz\\",)])[2] == "| x\\|y z\\\\ |"


def test_sections_paragraphs_and_lists_end_with_an_empty_line() -> None:
    """So that they can follow each other."""
    assert section("Data", paragraph("One.", "Two."), bullets(["x"])) == ["## Data", "", "One. Two.", "", "- x", ""]


def test_figures_that_are_not_there_are_dashes() -> None:
    """Zero is a figure."""
    assert (figure(None), figure(0.0), share(None), share(0.125)) == ("-", "0.0000", "-", "12.5%")
