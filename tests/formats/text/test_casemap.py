"""The collation of SORT (RFC 5051)."""

from pillarbox.formats.text.casemap import casemap


def test_case_and_form_make_no_difference() -> None:
    assert casemap("hello") == casemap("HELLO") == "HELLO"
    assert casemap("ü") == casemap("Ü") == casemap("u\u0308")
    assert casemap("ǆ") == casemap("Ǆ") == casemap("ǅ")
    assert casemap("ﬁ") == "fi"
    assert casemap("ß") == "ß"


def test_order() -> None:
    words = ["zebra", "Äpfel", "apple", "Banana", "1st"]
    assert sorted(words, key=casemap) == ["1st", "apple", "Äpfel", "Banana", "zebra"]
