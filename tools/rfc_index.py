"""Index of the RFCs the code and tests cite, in `docs/rfc/index.md`.

A citation is spelled `RFC 9051 §6.4.5` (or `RFC 7505` where the whole is meant). The status of each
RFC is kept by hand in `docs/rfc/status.toml`. With `--check` nothing is written; it fails where
the index is out of date, where an RFC marked `yes` has no code or no test that cites it, or where
a cited RFC has no status.
"""

import re
import sys
import tomllib
from collections import defaultdict
from pathlib import Path

INDEX = Path("docs/rfc/index.md")
STATUS = Path("docs/rfc/status.toml")
CITATION = re.compile(r"RFC[ \n#]+(\d{3,5})(?:,? (?:§§? ?)([\dA-Z]+(?:\.\d+)*))?")
STATES = ("yes", "partial", "no")
SOURCES = ("src", "tests")
SUFFIXES = (".py", ".txt")

Citations = dict[int, dict[str, set[str]]]


def collect() -> Citations:
    """For each RFC, for each cited section ("" for the whole), the files that cite it."""
    found: Citations = defaultdict(lambda: defaultdict(set))
    for folder in SOURCES:
        for path in sorted(Path(folder).rglob("*")):
            if path.suffix in SUFFIXES:
                for match in CITATION.finditer(path.read_text("utf-8")):
                    found[int(match[1])][match[2] or ""].add(path.as_posix())
    return found


def section_key(section: str) -> list[tuple[int, str]]:
    """Sorts 9 before 10, and letters after numbers."""
    return [
        (int(part), "") if part.isdigit() else (10_000, part) for part in section.split(".") if part
    ]


def render(found: Citations, status: dict[str, dict[str, str]]) -> str:
    """The index as Markdown."""
    lines = [
        "# RFCs",
        "",
        "Written by `python tools/rfc_index.py` from the citations in code and tests; the states",
        "come from `status.toml`.",
        "",
    ]
    for number in sorted({*found, *map(int, status)}):
        entry = status.get(str(number), {})
        title = entry.get("title", "")
        lines += [f"## RFC {number}: {title}", "", f"State: {entry.get('state', '?')}.", ""]
        for section in sorted(found.get(number, {}), key=section_key):
            files = ", ".join(f"`{name}`" for name in sorted(found[number][section]))
            lines.append(f"- {'§' + section if section else 'whole'}: {files}")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def faults(found: Citations, status: dict[str, dict[str, str]]) -> list[str]:
    """What the states claim and the citations do not show."""
    problems = [
        f"RFC {number} is cited but has no state in {STATUS}"
        for number in sorted(found)
        if str(number) not in status
    ]
    for name, entry in status.items():
        if entry.get("state") not in STATES:
            problems.append(f"RFC {name}: state must be one of {', '.join(STATES)}")
        if entry.get("state") == "yes":
            files = {file for files in found.get(int(name), {}).values() for file in files}
            problems += [
                f"RFC {name} is marked yes, but nothing in {folder}/ cites it"
                for folder in SOURCES
                if not any(file.startswith(folder + "/") for file in files)
            ]
    return problems


def main() -> int:
    """Write or check the index; gives the exit code."""
    found = collect()
    status = tomllib.loads(STATUS.read_text("utf-8"))
    text = render(found, status)
    problems = faults(found, status)
    if "--check" in sys.argv:
        if not INDEX.exists() or INDEX.read_text("utf-8") != text:
            problems.append(f"{INDEX} is out of date: run python tools/rfc_index.py")
    else:
        INDEX.write_text(text, "utf-8")
    print("\n".join(problems) if problems else f"rfc index: {len(found)} RFCs cited")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
