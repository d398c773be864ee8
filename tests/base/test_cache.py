"""The cache that is bounded by bytes."""

from pillarbox.base.cache import ByteCache


def test_what_was_not_used_for_longest_goes_first() -> None:
    cache = ByteCache(100)
    for key in "abcd":
        cache.put(key, key.upper(), 25)
    assert cache.get("a") == "A"
    cache.put("e", "E", 20)
    assert (cache.get("b"), cache.get("a"), cache.get("e")) == (None, "A", "E")
    assert cache.held_bytes == 95


def test_large_values_are_not_kept() -> None:
    cache = ByteCache(100)
    cache.put("small", 1, 20)
    cache.put("large", 2, 26)
    assert (cache.get("small"), cache.get("large")) == (1, None)


def test_a_value_is_kept_once() -> None:
    cache = ByteCache(100)
    cache.put("a", 1, 20)
    cache.put("a", 2, 20)
    assert (cache.get("a"), cache.held_bytes) == (1, 20)
