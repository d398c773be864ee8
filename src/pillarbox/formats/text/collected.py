"""Text put together from many small pieces up to a limit."""


class Collected:
    """Takes pieces until there is room for no more; `full` then says so."""

    __slots__ = ("_left", "_pieces")

    def __init__(self, characters: int) -> None:
        self._left = characters
        self._pieces: list[str] = []

    @property
    def full(self) -> bool:
        """Whether the limit is reached; more is left out."""
        return self._left <= 0

    def add(self, piece: str) -> None:
        """Put a piece behind the others, as far as there is room."""
        if self._left > 0 and piece:
            self._pieces.append(piece[: self._left])
            self._left -= len(piece)

    def text(self) -> str:
        """All of it."""
        return "".join(self._pieces)
