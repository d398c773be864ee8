"""From a file and the environment to `Options`: where the file lies, what wins, what is wrong.

The environment wins over the file, the file over the defaults. Every fault is found in one go.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pillarbox.app.config import files
from pillarbox.app.config.files import FileContent
from pillarbox.app.config.options import BY_KEY, SCHEMA, Options, canonical, listeners
from pillarbox.app.config.setting import Setting

ENVIRONMENT_PREFIX = "PILLARBOX_"
SYSTEM_CONFIG = Path("/etc/pillarbox/pillarbox.conf")
SYSTEM_DATA = Path("/var/lib/pillarbox")
FILE_NAME = "pillarbox.conf"
_YAML_NAMES = ("pillarbox.yaml", "pillarbox.yml")
_NOT_KEYS = frozenset(["PILLARBOX_CONFIG", "PILLARBOX_DATA"])
_PATH_KEYS = ("TLS_CERT", "TLS_KEY", "TLS_EXTRA_CA", "DB_PATH", "STORAGE_FS_PATH", "LOG_FILE")


class ConfigError(Exception):
    """The configuration can't be used; one line for each fault."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Location:
    """Where the configuration file lies (it need not exist), and the data folder."""

    file: Path
    data: Path

    @property
    def bus_folder(self) -> Path:
        """Where the processes of this host meet (`cluster/unix.py`)."""
        return self.data / "run" / "bus"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value came from, and how it was written there."""

    text: str
    raw: str


@dataclass(frozen=True, slots=True)
class Configuration:
    """Effective settings, and for people: where each came from and what is odd."""

    options: Options
    location: Location
    sources: Mapping[str, Source]
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    """What was done to the file."""


def locate(
    config: Path | None, data: Path | None, environment: Mapping[str, str] = os.environ
) -> Location:
    """Where to look, from the options of the command line and the environment.

    Without a data folder the one of the configuration file is used; without either, those of the
    system if they are there, else `./data`.
    """
    if config is None and environment.get("PILLARBOX_CONFIG"):
        config = Path(environment["PILLARBOX_CONFIG"])
    if data is None and environment.get("PILLARBOX_DATA"):
        data = Path(environment["PILLARBOX_DATA"])
    if config is None and data is None and SYSTEM_CONFIG.is_file():
        config = SYSTEM_CONFIG
    if data is None:
        if config is None:
            data = Path("data")
        else:
            data = SYSTEM_DATA if config == SYSTEM_CONFIG else config.parent
    if config is None:
        config = data / FILE_NAME
        if not config.exists():
            found = (data / name for name in _YAML_NAMES if (data / name).is_file())
            config = next(found, config)
    return Location(config.absolute(), data.absolute())


def load(
    location: Location, *, write: bool, environment: Mapping[str, str] = os.environ
) -> Configuration:
    """The effective settings; raises `ConfigError` that names every fault.

    With `write`, an INI file that does not exist is made, with fresh secrets, and keys it does not
    mention are appended.
    """
    reader = _Reader(location, environment)
    if write:
        reader.complete_file()
    elif not location.file.exists() and not files.is_yaml(location.file):
        reader.expect_file()
    return reader.configuration()


class _Reader:
    """One reading: collects values, faults and oddities."""

    def __init__(self, location: Location, environment: Mapping[str, str]) -> None:
        self._location = location
        self._problems: list[str] = []
        self._warnings: list[str] = []
        self._notes: list[str] = []
        self._is_new = False
        self._environment: dict[str, tuple[str, str]] = {}
        for variable, value in environment.items():
            if not variable.startswith(ENVIRONMENT_PREFIX) or variable in _NOT_KEYS:
                continue
            name = variable.removeprefix(ENVIRONMENT_PREFIX)
            key = canonical(name)
            if key is not None:
                self._environment[key] = (variable, value)
            else:
                hint = files.nearest(name)
                self._warnings.append(f"environment: {variable} is no setting{hint}")

    def expect_file(self) -> None:
        """There is no file yet: what would be written into it is not missed."""
        self._is_new = True
        self._warnings.append(
            f"{self._location.file} does not exist yet; the first start writes it, with a new"
            " ENCRYPTION_KEY"
        )

    def complete_file(self) -> None:
        """Make the file, or append what it lacks."""
        file = self._location.file
        if files.is_yaml(file):
            return
        given = frozenset(self._environment)
        try:
            if not file.exists():
                self._refuse_new_key(given)
                if files.create(file, given):
                    self._notes.append(
                        f"Wrote {file}. Keep a copy elsewhere: without its ENCRYPTION_KEY no mail"
                        " can be read."
                    )
                    return
            content = files.read(file)
            if content.problems:
                return
            if "ENCRYPTION_KEY" not in content.mentioned:
                self._refuse_new_key(given)
            appended = files.append_missing(file, given)
            if appended:
                self._notes.append(f"Appended to {file}: {', '.join(appended)}")
        except OSError as error:
            reason = error.strerror or str(error)
            self._warnings.append(f"{file}: can't be written ({reason}); it stays as it is")

    def _refuse_new_key(self, given: frozenset[str]) -> None:
        """A new key beside mail that another key sealed would make that mail unreadable."""
        database = self._location.data / BY_KEY["DB_PATH"].default
        if "ENCRYPTION_KEY" not in given and database.exists():
            raise ConfigError(
                (
                    f"{self._location.file}: ENCRYPTION_KEY is missing, but {database} holds mail"
                    " sealed with it. Bring the configuration file back from your copy.",
                )
            )

    def configuration(self) -> Configuration:
        content = self._content()
        values: dict[str, Any] = {}
        sources: dict[str, Source] = {}
        for setting in SCHEMA:
            raw, where, name = self._find(setting, content)
            sources[setting.key] = Source(where, raw)
            try:
                values[setting.key.lower()] = setting.kind.parse(raw)
            except (ValueError, ArithmeticError):
                shown = "(not shown)" if setting.secret else f'"{raw}"'
                self._problems.append(f"{where}: {name} = {shown}: must be {setting.kind.allowed}")
        if self._problems:
            raise ConfigError(tuple(self._problems))
        options = self._with_paths(Options(**values))
        self._check(options, sources)
        if self._problems:
            raise ConfigError(tuple(self._problems))
        return Configuration(
            options, self._location, sources, tuple(self._warnings), tuple(self._notes)
        )

    def _content(self) -> FileContent:
        file = self._location.file
        try:
            content = files.read(file)
            if file.stat().st_mode & 0o077:
                self._warnings.append(f"{file}: others can read it; chmod 600 keeps the key secret")
        except FileNotFoundError:
            if files.is_yaml(file):
                self._problems.append(f"{file}: there is no such file")
            return FileContent()
        except OSError as error:
            self._problems.append(f"{file}: can't be read: {error.strerror or error}")
            return FileContent()
        self._problems += [f"{file.name}:{line}: {text}" for line, text in content.problems]
        self._warnings += [f"{file.name}:{line}: {text}" for line, text in content.warnings]
        return content

    def _find(self, setting: Setting, content: FileContent) -> tuple[str, str, str]:
        """A setting's value as it was written, where, and under which name."""
        key = setting.key
        if key in self._environment:
            variable, value = self._environment[key]
            return value.strip(), "environment", variable
        entry = content.entries.get(key)
        if entry is not None:
            return entry.value, f"{self._location.file.name}:{entry.line}", key
        return setting.default, "default", key

    def _with_paths(self, options: Options) -> Options:
        """Relative paths are taken from the data folder."""
        changed: dict[str, Any] = {}
        for key in _PATH_KEYS:
            path = getattr(options, key.lower())
            if path is None and BY_KEY[key].default:
                path = Path(BY_KEY[key].default)
            if path is not None:
                changed[key.lower()] = self._location.data / path
        return replace(options, **changed)

    def _check(self, options: Options, sources: Mapping[str, Source]) -> None:
        """What single values can't show."""
        if not options.encryption_key and not self._is_new:
            allowed = BY_KEY["ENCRYPTION_KEY"].kind.allowed
            self._fault(sources, "ENCRYPTION_KEY", f"is missing; it must be {allowed}")
        if options.db_driver == "postgresql" and not options.db_dsn:
            self._fault(
                sources, "DB_DSN", "must say how to reach the database: DB_DRIVER is postgresql"
            )
        if not options.hostname:
            self._fault(sources, "HOSTNAME", "must be a host name such as mail.example.org")
        elif "." not in options.hostname and options.hostname != "localhost":
            self._warnings.append(
                f"{sources['HOSTNAME'].text}: HOSTNAME = {options.hostname}: has no dot; other"
                " servers expect a full name such as mail.example.org"
            )
        self._check_tls(options, sources)
        self._check_relay(options, sources)
        self._check_ports(options, sources)

    def _check_relay(self, options: Options, sources: Mapping[str, Source]) -> None:
        if not options.relay_host:
            return
        try:
            where = urlsplit(f"//{options.relay_host}")
            is_host = bool(where.hostname) and where.netloc == options.relay_host
            is_host = is_host and where.port != 0 and not set(where.netloc) & set("@ \t\\")
        except ValueError:
            is_host = False
        if not is_host:
            text = "must be a host, or host:port; an IPv6 address in brackets"
            self._fault(sources, "RELAY_HOST", text)
        if options.relay_username and options.relay_tls in ("off", "opportunistic"):
            text = "must be verified, implicit or required, because RELAY_USERNAME is set"
            self._fault(sources, "RELAY_TLS", text)
        if options.relay_username and not options.relay_password:
            self._fault(sources, "RELAY_PASSWORD", "is missing, and RELAY_USERNAME is set")

    def _check_tls(self, options: Options, sources: Mapping[str, Source]) -> None:
        extra = options.tls_extra_ca
        if extra is not None and not os.access(extra, os.R_OK):
            self._fault(sources, "TLS_EXTRA_CA", f"{extra} can't be read")
        if options.tls_mode != "file":
            return
        for key, path in (("TLS_CERT", options.tls_cert), ("TLS_KEY", options.tls_key)):
            if path is None:
                self._fault(sources, key, "must name a PEM file, because TLS_MODE is file")
            elif not os.access(path, os.R_OK):
                self._fault(sources, key, f"{path} can't be read")

    def _check_ports(self, options: Options, sources: Mapping[str, Source]) -> None:
        used: dict[tuple[str, int], str] = {}
        for listener in listeners(options):
            key = listener.name.upper() + "_PORT"
            others = {
                used.setdefault((interface, listener.port), key)
                for interface in listener.interfaces
            }
            for other in sorted(others - {key}):
                self._fault(sources, key, f"{other} has the same port on the same interface")

    def _fault(self, sources: Mapping[str, Source], key: str, text: str) -> None:
        source = sources[key]
        shown = "(not shown)" if BY_KEY[key].secret else f'"{source.raw}"'
        self._problems.append(f"{source.text}: {key} = {shown}: {text}")
