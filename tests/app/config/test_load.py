"""Settings: where they come from, what wins, what is wrong with them, and the file itself."""

import os
import stat
from ipaddress import ip_network
from pathlib import Path

import pytest

from pillarbox.app.config.load import ConfigError, Configuration, Location, load, locate
from pillarbox.app.config.options import ALIASES, BY_KEY, SCHEMA, Options, canonical, listeners

KEY = "ab" * 32


def read(
    folder: Path, text: str = "", name: str = "pillarbox.conf", **environment: str
) -> Configuration:
    """Settings from a file of this text; the key is given unless the text has one."""
    (folder / name).write_text(text)
    (folder / name).chmod(0o600)
    if "ENCRYPTION_KEY" not in text.upper():
        environment = {"PILLARBOX_ENCRYPTION_KEY": KEY, **environment}
    return load(Location(folder / name, folder), write=False, environment=environment)


def faults(folder: Path, text: str, name: str = "pillarbox.conf", **environment: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text, name, **environment)
    return list(caught.value.problems)


class TestDefaults:
    def test_what_nobody_sets(self, tmp_path: Path) -> None:
        options = read(tmp_path).options
        assert [(one.name, one.port) for one in listeners(options)] == [
            ("smtp", 25),
            ("submission", 587),
            ("smtps", 465),
            ("imap", 143),
            ("imaps", 993),
            ("managesieve", 4190),
            ("https", 443),
            ("webclient", 8080),
        ]
        fetching = read(tmp_path, "POP3_ENABLED = true\nPOP3S_ENABLED = true\n").options
        assert [(one.name, one.port) for one in listeners(fetching)][5:] == [
            ("pop3", 110),
            ("pop3s", 995),
            ("managesieve", 4190),
            ("https", 443),
            ("webclient", 8080),
        ]
        assert options.pop3_idle_timeout == 600
        assert options.max_message_size == 52_428_800
        assert options.default_quota == 1 << 30
        assert options.trusted_networks == ()
        assert options.db_path == tmp_path / "pillarbox.db"
        assert options.encryption_key == ((1, bytes.fromhex(KEY)),)
        assert (options.brute_max_tries, options.brute_window_min, options.brute_ban_hours) == (
            5,
            30,
            24,
        )

    def test_every_default_is_allowed(self, tmp_path: Path) -> None:
        options = read(tmp_path).options
        for setting in SCHEMA:
            assert hasattr(options, setting.key.lower())
            setting.kind.parse(KEY if setting.key == "ENCRYPTION_KEY" else setting.default)

    def test_aliases_lead_to_keys(self) -> None:
        assert set(ALIASES.values()) <= set(BY_KEY)
        assert not set(ALIASES) & set(BY_KEY)
        assert canonical("submit_port") == "SUBMISSION_PORT"


class TestIni:
    def test_values_and_their_sources(self, tmp_path: Path) -> None:
        text = """
# a comment
SMTP_PORT = 2525        ; behind it
hostname: mail.example.org
DEFAULT_QUOTA = "2.5 GiB"
TRUSTED_NETWORKS = 127.0.0.0/8, ::1 10.1.2.3/8
SUBADDRESS_DELIMITER =
LMTP_ENABLED=on
QUEUE_MAX_AGE_HOURS = 5d
BRUTE_WINDOW_MIN = 1h
DB_DSN = postgresql://u:p#q@h/d
[imap]
port = 1143
"""
        found = read(tmp_path, text)
        options = found.options
        assert options.smtp_port == 2525
        assert options.hostname == "mail.example.org"
        assert options.default_quota == 5 << 29
        assert options.trusted_networks == (
            ip_network("127.0.0.0/8"),
            ip_network("::1"),
            ip_network("10.0.0.0/8"),
        )
        assert options.subaddress_delimiter == ""
        assert options.lmtp_enabled
        assert options.queue_max_age_hours == 120
        assert options.brute_window_min == 60
        assert options.db_dsn == "postgresql://u:p#q@h/d"
        assert options.imap_port == 1143
        assert found.sources["SMTP_PORT"].text == "pillarbox.conf:3"
        assert found.sources["IMAP_PORT"].text == "pillarbox.conf:13"
        assert found.sources["IMAPS_PORT"].text == "default"
        assert found.warnings == ()

    def test_lists_of_domains(self, tmp_path: Path) -> None:
        found = read(tmp_path, "ARC_TRUSTED_SEALERS = Google.com, bücher.example lists.test")
        assert found.options.arc_trusted_sealers == frozenset(
            ("google.com", "xn--bcher-kva.example", "lists.test")
        )
        assert read(tmp_path).options.arc_trusted_sealers == frozenset()
        (fault,) = faults(tmp_path, "ARC_TRUSTED_SEALERS = ok.test, -bad")
        assert "domains divided by commas" in fault

    def test_the_environment_wins(self, tmp_path: Path) -> None:
        found = read(tmp_path, "SMTP_PORT = 2525\n", PILLARBOX_SMTP_PORT="2526")
        assert found.options.smtp_port == 2526
        assert found.sources["SMTP_PORT"].text == "environment"
        found = read(tmp_path, "", PILLARBOX_SUBMIT_PORT="1587", OTHER="x")
        assert found.options.submission_port == 1587

    def test_every_fault_at_once(self, tmp_path: Path) -> None:
        text = "SMTP_PORT = abc\n\nIMAP_PORT=70000\nWORKERS = -1\nwhat is this\nTLS_MODE = acme\n"
        found = faults(tmp_path, text, PILLARBOX_DEBUG="maybe")
        assert found == [
            "pillarbox.conf:5: 'what is this' is not KEY = value",
            'pillarbox.conf:4: WORKERS = "-1": must be a whole number from 0 to 100',
            'pillarbox.conf:1: SMTP_PORT = "abc": must be a whole number from 0 to 65535',
            'pillarbox.conf:3: IMAP_PORT = "70000": must be a whole number from 0 to 65535',
            'pillarbox.conf:6: TLS_MODE = "acme": must be one of self-signed, file, off',
            'environment: PILLARBOX_DEBUG = "maybe": must be true or false',
        ]

    @pytest.mark.parametrize(
        "line",
        [
            "MAX_MESSAGE_SIZE = 12 parsecs",
            "MAX_MESSAGE_SIZE = 1",
            "SHUTDOWN_TIMEOUT = 6m",
            "SMTP_IFACE = example.org",
            "SMTP_IFACE =",
            "TRUSTED_NETWORKS = 10.0.0.0/33",
            "HOSTNAME = two words",
            "HOSTNAME =",
            "DEFAULT_DOMAIN = -x.org",
            "SUBADDRESS_DELIMITER = ++",
            "DNS_PRIMARY = ns.example.org",
            "DB_DRIVER = mysql",
            "DB_DRIVER = postgresql",
            "TLS_MODE = file",
        ],
    )
    def test_bad_values(self, tmp_path: Path, line: str) -> None:
        assert faults(tmp_path, line + "\n")

    def test_two_listeners_can_not_share_a_port(self, tmp_path: Path) -> None:
        (fault,) = faults(tmp_path, "SMTPS_PORT = 25\n")
        assert "SMTP_PORT has the same port" in fault
        text = "SMTPS_PORT = 25\nSMTPS_IFACE = 127.0.0.2\nSMTP_IFACE = 127.0.0.1\n"
        assert read(tmp_path, text).options.smtps_port == 25
        assert read(tmp_path, "SMTPS_PORT = 25\nSMTP_PORT = 0\n").options.smtp_port == 0

    def test_certificate_files_have_to_be_there(self, tmp_path: Path) -> None:
        text = "TLS_MODE = manual\nTLS_CERT = c.pem\nTLS_KEY = k.pem\n"
        assert len(faults(tmp_path, text)) == 2
        for name in ("c.pem", "k.pem"):
            (tmp_path / name).touch()
        options = read(tmp_path, text).options
        assert (options.tls_mode, options.tls_cert) == ("file", tmp_path / "c.pem")

    def test_extra_authorities_have_to_be_there(self, tmp_path: Path) -> None:
        assert len(faults(tmp_path, "TLS_EXTRA_CA = ca.pem\n")) == 1
        (tmp_path / "ca.pem").touch()
        found = read(tmp_path, "TLS_EXTRA_CA = ca.pem\n").options.tls_extra_ca
        assert found == tmp_path / "ca.pem"

    @pytest.mark.parametrize(
        "host",
        ["a:b", "a:0", "a:70000", "2001:db8::1", "[::1", "me@a", "smtp://a", "a/b", "a b:25"],
    )
    def test_a_relay_that_is_no_host(self, tmp_path: Path, host: str) -> None:
        (fault,) = faults(tmp_path, f"RELAY_HOST = {host}\n")
        assert "RELAY_HOST" in fault
        assert "must be a host" in fault

    @pytest.mark.parametrize("host", ["a.example", "a.example:587", "[2001:db8::1]:25", "10.0.0.1"])
    def test_a_relay(self, tmp_path: Path, host: str) -> None:
        assert read(tmp_path, f"RELAY_HOST = {host}\n").options.relay_host == host

    @pytest.mark.parametrize("tls", ["off", "opportunistic"])
    def test_a_login_needs_tls(self, tmp_path: Path, tls: str) -> None:
        login = "RELAY_HOST = a.example\nRELAY_USERNAME = me\n"
        (fault,) = faults(tmp_path, f"{login}RELAY_PASSWORD = pw\nRELAY_TLS = {tls}\n")
        assert "RELAY_TLS" in fault
        assert "because RELAY_USERNAME is set" in fault
        (fault,) = faults(tmp_path, login)
        assert "RELAY_PASSWORD" in fault

    def test_oddities_are_told(self, tmp_path: Path) -> None:
        text = "SMPT_PORT = 26\nSMTP_PORT = 1\nSMTP_PORT = 2\nCOLOUR = red\nHOSTNAME = box\n"
        found = read(tmp_path, text, PILLARBOX_IMAP_PROT="1")
        assert found.options.smtp_port == 2
        assert list(found.warnings) == [
            "environment: PILLARBOX_IMAP_PROT is no setting; did you mean IMAP_PORT?",
            "pillarbox.conf:1: SMPT_PORT is no setting; did you mean SMTP_PORT?",
            "pillarbox.conf:3: SMTP_PORT was set before, in line 2; this one counts",
            "pillarbox.conf:4: COLOUR is no setting",
            "pillarbox.conf:5: HOSTNAME = box: has no dot; other servers expect a full name such"
            " as mail.example.org",
        ]

    def test_a_file_that_is_no_text(self, tmp_path: Path) -> None:
        (tmp_path / "pillarbox.conf").write_bytes(b"# fine\n\xff\xfe\x00")
        with pytest.raises(ConfigError, match=r"conf:2: the file is not UTF-8"):
            load(Location(tmp_path / "pillarbox.conf", tmp_path), write=False, environment={})


class TestKeyRing:
    def test_versions(self, tmp_path: Path) -> None:
        text = f"ENCRYPTION_KEY = 1:{KEY}, 2:{'cd' * 32}\n"
        assert dict(read(tmp_path, text).options.encryption_key) == {
            1: b"\xab" * 32,
            2: b"\xcd" * 32,
        }

    @pytest.mark.parametrize(
        "value", ["ab" * 31, "x", f"0:{KEY}", f"1:{KEY},1:{KEY}", f"999:{KEY}"]
    )
    def test_faults_show_no_secret(self, tmp_path: Path, value: str) -> None:
        (fault,) = faults(tmp_path, f"ENCRYPTION_KEY = {value}\n")
        assert fault.startswith("pillarbox.conf:1: ENCRYPTION_KEY = (not shown): must be 64 hex")

    def test_a_missing_key(self, tmp_path: Path) -> None:
        for name in ("a.conf", "a.yaml"):
            (tmp_path / name).touch()
            with pytest.raises(ConfigError, match="ENCRYPTION_KEY"):
                load(Location(tmp_path / name, tmp_path), write=False, environment={})

    def test_a_missing_file(self, tmp_path: Path) -> None:
        location = Location(tmp_path / "none.conf", tmp_path)
        found = load(location, write=False, environment={})
        assert found.options.encryption_key == ()
        assert "does not exist yet" in found.warnings[0]
        with pytest.raises(ConfigError, match="no such file"):
            load(Location(tmp_path / "none.yml", tmp_path), write=True, environment={})


class TestYaml:
    def test_keys_in_any_form(self, tmp_path: Path) -> None:
        text = f"""
hostname: mail.example.org
encryption-key: "1:{KEY}"
smtp: {{port: 2525, enabled: yes}}
server:
  imap_port: 1143
  shutdown_timeout: 30s
storage:
  database_path: other.db
TRUSTED_NETWORKS: [127.0.0.0/8, "::1"]
lmtp:
  enabled: true
default_domain: ~
"""
        found = read(tmp_path, text, "pillarbox.yaml")
        options = found.options
        assert (options.smtp_port, options.imap_port, options.shutdown_timeout) == (2525, 1143, 30)
        assert options.db_path == tmp_path / "other.db"
        assert options.trusted_networks == (ip_network("127.0.0.0/8"), ip_network("::1"))
        assert options.default_domain == ""
        assert found.sources["IMAP_PORT"].text == "pillarbox.yaml:6"
        assert found.warnings == ()

    def test_faults_have_lines(self, tmp_path: Path) -> None:
        assert faults(tmp_path, "smtp:\n  port: x\n  prot: 1\n", "p.yml") == [
            'p.yml:2: SMTP_PORT = "x": must be a whole number from 0 to 65535'
        ]
        (fault,) = faults(tmp_path, "a: [1\nb: 2\n", "p.yml")
        assert fault.startswith("p.yml:2: not YAML:")
        assert faults(tmp_path, "- 1\n", "p.yml") == [
            "p.yml:1: the file must be a map of names to values"
        ]
        assert faults(tmp_path, "[" * 5000, "p.yml")

    def test_domains_of_other_programs_are_told_as_unknown(self, tmp_path: Path) -> None:
        found = read(tmp_path, "domains:\n  - name: example.org\nsieve: {dir: x}\n", "p.yml")
        assert [text.split(" is")[0] for text in found.warnings] == [
            "p.yml:1: domains",
            "p.yml:3: sieve_dir",
        ]


class TestTheFile:
    def test_it_is_made_once_with_a_secret(self, tmp_path: Path) -> None:
        location = locate(None, tmp_path / "data", {})
        first = load(location, write=True, environment={})
        text = location.file.read_text()
        assert stat.S_IMODE(location.file.stat().st_mode) == 0o600
        assert "Wrote" in first.notes[0]
        for setting in SCHEMA:
            assert f"{setting.key} =" in text
        again = load(location, write=True, environment={})
        assert again.options == first.options
        assert again.notes == ()
        assert location.file.read_text() == text
        assert len(first.options.encryption_key[0][1]) == 32
        assert os.listdir(location.data) == ["pillarbox.conf"]

    def test_missing_keys_are_appended(self, tmp_path: Path) -> None:
        file = tmp_path / "pillarbox.conf"
        mine = f"# mine\nENCRYPTION_KEY = {KEY}\n#SMTP_PORT = 26\nImap_Port = 1143\nODD = 1"
        file.write_text(mine)
        found = load(Location(file, tmp_path), write=True, environment={})
        text = file.read_text()
        assert text.startswith(mine + "\n")
        assert text.count("SMTP_PORT") == 1
        assert "fewer where memory is short.\n#WORKERS = 0\n" in text
        assert "SMTP_IFACE" in found.notes[0]
        assert found.options.imap_port == 1143
        assert load(Location(file, tmp_path), write=True, environment={}).notes == ()

    def test_what_the_environment_gives_is_not_made_up(self, tmp_path: Path) -> None:
        location = locate(None, tmp_path, {})
        environment = {"PILLARBOX_ENCRYPTION_KEY": KEY}
        load(location, write=True, environment=environment)
        assert KEY not in location.file.read_text()
        with pytest.raises(ConfigError, match="ENCRYPTION_KEY"):
            load(location, write=True, environment={})

    def test_no_new_key_for_old_mail(self, tmp_path: Path) -> None:
        (tmp_path / "pillarbox.db").touch()
        location = locate(None, tmp_path, {})
        with pytest.raises(ConfigError, match="holds mail"):
            load(location, write=True, environment={})
        assert not location.file.exists()

    def test_others_reading_it_is_told(self, tmp_path: Path) -> None:
        location = locate(None, tmp_path, {})
        load(location, write=True, environment={})
        location.file.chmod(0o644)
        (warning,) = [
            w for w in load(location, write=True, environment={}).warnings if "chmod" in w
        ]
        assert "600" in warning


class TestWhere:
    def test_the_command_line_comes_first(self) -> None:
        environment = {"PILLARBOX_CONFIG": "/e/p.conf", "PILLARBOX_DATA": "/e/data"}
        found = locate(Path("/c/p.conf"), Path("/c/data"), environment)
        assert (found.file, found.data) == (Path("/c/p.conf"), Path("/c/data"))
        found = locate(None, None, environment)
        assert (found.file, found.data) == (Path("/e/p.conf"), Path("/e/data"))

    def test_the_data_folder_lies_beside_the_file(self) -> None:
        assert locate(Path("/c/p.conf"), None, {}).data == Path("/c")
        found = locate(Path("/etc/pillarbox/pillarbox.conf"), None, {})
        assert found.data == Path("/var/lib/pillarbox")

    def test_a_yaml_file_in_the_data_folder(self, tmp_path: Path) -> None:
        assert locate(None, tmp_path, {}).file == tmp_path / "pillarbox.conf"
        (tmp_path / "pillarbox.yml").touch()
        assert locate(None, tmp_path, {}).file == tmp_path / "pillarbox.yml"
        (tmp_path / "pillarbox.conf").touch()
        assert locate(None, tmp_path, {}).file == tmp_path / "pillarbox.conf"


def test_options_can_be_made_by_hand_from_others(tmp_path: Path) -> None:
    options = read(tmp_path).options
    values = {key.lower(): getattr(options, key.lower()) for key in BY_KEY}
    assert Options(**values) == options
