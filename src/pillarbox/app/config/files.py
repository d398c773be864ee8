"""Configuration files: INI and YAML to named values with their lines; writing the INI file.

What an admin wrote is never reordered, changed or dropped: missing keys are appended.
"""

import difflib
import fcntl
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pillarbox.app.config.options import ALIASES, SCHEMA, canonical
from pillarbox.app.config.setting import Setting

MAX_FILE_BYTES = 1 << 20

_SECTION = re.compile(r"\s*\[([^\]]*)\]\s*(?:[#;].*)?")
_LINE = re.compile(r"\s*([A-Za-z][\w.-]*)\s*[=:]\s*(.*)")
_MENTION = re.compile(r"\s*[#;]*\s*([A-Za-z][\w.-]*)\s*[=:]")
_QUOTED = re.compile(r"""(["'])(.*)\1\s*(?:[#;].*)?""")
_COMMENT = re.compile(r"(?:^|\s+)[#;].*")


@dataclass(frozen=True, slots=True)
class Entry:
    """A value as a file has it."""

    value: str
    line: int


@dataclass(slots=True)
class FileContent:
    """What was found in a file: known keys, and complaints with their lines."""

    entries: dict[str, Entry] = field(default_factory=dict)
    mentioned: set[str] = field(default_factory=set)
    """Keys that stand in the file at all, be it in a comment."""
    problems: list[tuple[int, str]] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)

    def add(self, names: Iterable[str], value: str, line: int) -> None:
        """Keep a value under the first of `names` that is a key."""
        names = tuple(names)
        key = next((key for key in map(canonical, names) if key), None)
        if key is None:
            self.warnings.append((line, f"{names[0]} is no setting{nearest(names[0])}"))
            return
        if key in self.entries:
            earlier = self.entries[key].line
            self.warnings.append(
                (line, f"{key} was set before, in line {earlier}; this one counts")
            )
        self.entries[key] = Entry(value, line)
        self.mentioned.add(key)


def nearest(name: str) -> str:
    """A hint at the known key that was probably meant, or nothing."""
    known = [setting.key for setting in SCHEMA] + list(ALIASES)
    close = difflib.get_close_matches(name.upper(), known, 1, 0.75)
    return f"; did you mean {canonical(close[0])}?" if close else ""


def is_yaml(path: Path) -> bool:
    """Whether a file is read as YAML, by its name."""
    return path.suffix.lower() in (".yaml", ".yml")


def read(path: Path) -> FileContent:
    """The content of a file; raises OSError. What is wrong with it is in `problems`."""
    raw = path.read_bytes()
    content = FileContent()
    if len(raw) > MAX_FILE_BYTES:
        content.problems.append((1, "the file is larger than 1 MiB; is it the right one?"))
        return content
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        content.problems.append((line, "the file is not UTF-8 text"))
        return content
    if is_yaml(path):
        _read_yaml(text, content)
    else:
        _read_ini(text, content)
    return content


def _read_ini(text: str, content: FileContent) -> None:
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        mention = _MENTION.match(line)
        if mention is not None:
            key = canonical(mention[1])
            if key is not None:
                content.mentioned.add(key)
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            continue
        header = _SECTION.fullmatch(line)
        if header is not None:
            section = header[1].strip()
            continue
        setting = _LINE.fullmatch(line)
        if setting is None:
            content.problems.append((number, f"{stripped[:60]!r} is not KEY = value"))
            continue
        name = setting[1].replace(".", "_")
        names = (name, f"{section}_{name}") if section else (name,)
        content.add(names, _plain(setting[2]), number)


def _plain(value: str) -> str:
    """A value without quotes and without the comment behind it."""
    quoted = _QUOTED.fullmatch(value)
    return quoted[2] if quoted is not None else _COMMENT.sub("", value, count=1).strip()


def _read_yaml(text: str, content: FileContent) -> None:
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it can't be read"
        content.problems.append((mark.line + 1 if mark else 1, f"not YAML: {problem}"))
        return
    except RecursionError:
        content.problems.append((1, "not a plain YAML file: it is nested too deeply"))
        return
    if root is None:
        return
    if not isinstance(root, yaml.MappingNode):
        content.problems.append((1, "the file must be a map of names to values"))
        return
    for path, value, line in _flat(root, yaml, (), 0):
        content.add(("_".join(path).replace("-", "_"),), value, line)


def _flat(
    node: Any, yaml: Any, path: tuple[str, ...], depth: int
) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """Every leaf of a map with the names that lead there; lists are joined by commas."""
    for name_node, value in node.value:
        names = (*path, str(name_node.value))
        line = name_node.start_mark.line + 1
        if isinstance(value, yaml.MappingNode) and depth < 8:
            yield from _flat(value, yaml, names, depth + 1)
        elif isinstance(value, yaml.ScalarNode):
            empty = value.tag == "tag:yaml.org,2002:null"
            yield names, "" if empty else str(value.value), line
        elif isinstance(value, yaml.SequenceNode):
            scalars = [str(one.value) for one in value.value if isinstance(one, yaml.ScalarNode)]
            yield names, ", ".join(scalars), line


def create(path: Path, given: frozenset[str]) -> bool:
    """Write a new INI file with fresh secrets; `False` if another process was first.

    Keys in `given` come from the environment, so no value is made up for them. Raises OSError.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, temporary = tempfile.mkstemp(prefix=".pillarbox-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(_HEADER)
            file.writelines(_blocks(SCHEMA, given))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o600)
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        Path(temporary).unlink(missing_ok=True)
    return True


def append_missing(path: Path, given: frozenset[str]) -> tuple[str, ...]:
    """Append the keys an INI file does not mention, with their comments; gives their names.

    Raises OSError. Safe against other processes that do the same.
    """
    with path.open("r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        text = file.read()
        content = FileContent()
        _read_ini(text.removeprefix("\ufeff"), content)
        missing = [setting for setting in SCHEMA if setting.key not in content.mentioned]
        if not missing:
            return ()
        start = "" if not text or text.endswith("\n") else "\n"
        blocks = _blocks(missing, given)
        file.write(start + "".join(blocks))
        file.flush()
        os.fsync(file.fileno())
    return tuple(setting.key for setting in missing)


_HEADER = """\
# Settings of pillarbox.
#
# A line that begins with # is a comment; settings in such lines show their defaults. To change
# one, take the # away. PILLARBOX_<KEY> in the environment wins over this file. Sizes may have
# units (512K, 50M, 1G), times too (90s, 30m, 12h, 7d). Relative paths are taken from the data
# folder. After a change: `pillarbox config check`, then restart.
"""


def _blocks(settings: Iterable[Setting], given: frozenset[str]) -> Iterator[str]:
    section = ""
    for setting in settings:
        if setting.section != section:
            section = setting.section
            yield f"\n# == {section} ==\n"
        if setting.comment:
            comment = setting.comment.replace("\n", "\n# ")
            yield f"\n# {comment}\n"
        made = setting.make is not None and setting.key not in given
        value = setting.make() if made and setting.make is not None else setting.default
        sign = "" if made else "#"
        yield f"{sign}{setting.key} = {value}".rstrip() + "\n"
