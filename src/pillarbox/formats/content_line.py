"""Content lines: what iCalendar and vCard objects are written in (RFC 5545 §3.1, RFC 6350 §3.2).

Lossless but for folding: names keep their spelling, values are not unescaped, and what is written
again is what was read.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class ContentLine:
    """One line: `GROUP.NAME;PARAM=a,"b":VALUE`; `name` is in capitals, `value` as it was written.

    `params` are pairs of name (in capitals) and values without quotes, carets of RFC 6868 decoded;
    in the order in which they came, and what came twice is there twice.
    """

    name: str
    value: str
    params: list[tuple[str, list[str]]] = field(default_factory=list)
    group: str = ""

    def param(self, name: str) -> str | None:
        """The first value of a parameter, by its name in capitals."""
        for key, values in self.params:
            if key == name:
                return values[0] if values else ""
        return None
