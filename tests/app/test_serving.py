"""What is arranged before the supervisor takes over."""

import resource

import pytest

from pillarbox.app import serving


@pytest.mark.parametrize(
    ("soft", "hard", "enough", "asked"),
    [
        (1024, 524_288, True, [(10_512, 524_288)]),
        (1024, 4096, False, [(4096, 4096)]),
        (1024, resource.RLIM_INFINITY, True, [(10_512, resource.RLIM_INFINITY)]),
        (65_536, 524_288, True, []),
        (resource.RLIM_INFINITY, resource.RLIM_INFINITY, True, []),
    ],
)
def test_a_file_for_each_connection(
    soft: int,
    hard: int,
    enough: bool,
    asked: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda what: (soft, hard))
    monkeypatch.setattr(resource, "setrlimit", lambda what, both: limits.append(both))
    assert serving.allow_files(10_000) is enough
    assert limits == asked
