"""The measurement of the filter works, and the filter is no worse than anybody would notice."""

import importlib
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[3] / "bench"


def test_made_up_mail_is_told_apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    spam, spam_mail = importlib.import_module("spam"), importlib.import_module("spam_mail")
    ham, junk = spam_mail.generated(100)
    for name, some in (("easy_ham", ham), ("spam_2", junk), ("other", [b"no mail"])):
        (tmp_path / name).mkdir()
        for number, data in enumerate(some):
            (tmp_path / name / f"{number:04}").write_bytes(data.replace(b"\r\n", b"\n"))
    read = spam.corpus(tmp_path)
    assert read == (ham, junk)
    samples = [
        spam.Sample(spam.tokens_of(spam.read_content(data), stored=True), is_spam)
        for some, is_spam in zip(read, (False, True), strict=True)
        for data in some
    ]
    by_threshold = {one.threshold: one for one in spam.measure(spam.ten_fold(samples))}
    assert by_threshold[0.5].recall > 0.7
    assert by_threshold[0.5].precision > 0.7
    assert by_threshold[0.99].ham_lost < 0.05
    assert by_threshold[0.99].recall <= by_threshold[0.5].recall
