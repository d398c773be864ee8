"""The hosts of the Postfix that the tests of sending share, and the certificates they show."""

from dataclasses import dataclass, field
from pathlib import Path

from kit.authority import Authority, Issued
from kit.far import Far, Hosts
from kit.live import free_ports


@dataclass
class Sites:
    """Certificates, and the ports of programs that Postfix asks.

    `authority` is believed by the servers under test, `stranger` by nobody. The host `good` shows
    `certificate`, and `tls` shows `own`.
    """

    folder: Path
    authority: Authority = field(default_factory=lambda: Authority(root_in_chain=True))
    stranger: Authority = field(default_factory=lambda: Authority("Stranger", root_in_chain=True))

    def __post_init__(self) -> None:
        self.login_port, self.milter_port = free_ports(2)
        self.certificate = self.authority.issue("mx.good.test")
        self.own = self.stranger.issue("localhost.test")
        self.extra_ca = self.folder / "authority.pem"
        self.extra_ca.write_bytes(self.authority.pem)

    def hosts(self) -> Hosts:
        """The hosts by name."""
        own = self.own
        mixed = Issued(own.certificate, self.stranger.issue("localhost.test").key)
        tls, good = self._tls(own, "own"), self._tls(self.certificate, "good")
        relay = self._tls(self.authority.issue("relay.test"), "relay")
        login = {
            "smtpd_sasl_auth_enable": "yes",
            "smtpd_sasl_type": "dovecot",
            "smtpd_sasl_path": f"inet:127.0.0.1:{self.login_port}",
            "smtpd_relay_restrictions": "permit_sasl_authenticated, reject",
            "smtpd_recipient_restrictions": "",
        }
        return {
            "plain": {},
            "small": {"message_size_limit": "3000000"},
            "old": {"smtpd_discard_ehlo_keywords": "8bitmime, smtputf8, pipelining, dsn"},
            "picky": {
                "smtpd_recipient_restrictions": "check_recipient_access inline:{ben@x.test=REJECT}"
            },
            "tls": tls,
            "mixed": self._tls(mixed, "mixed"),
            "ancient": tls | {"smtpd_tls_protocols": "TLSv1"},
            "strict": tls | {"smtpd_tls_security_level": "encrypt"},
            "good": good,
            "nodsn": tls | {"smtpd_discard_ehlo_keywords": "dsn, silent-discard"},
            "simple": tls | {"smtpd_discard_ehlo_keywords": "8bitmime, chunking, dsn"},
            "noutf8": tls | {"smtputf8_enable": "no"},
            "late": tls | {"smtpd_reject_unlisted_recipient": "no"},
            "milter": tls
            | {
                "smtpd_milters": f"inet:127.0.0.1:{self.milter_port}",
                "milter_default_action": "tempfail",
            },
            "relay": relay | login,
            "plainlogin": relay | login | {"smtpd_sasl_mechanism_filter": "plain"},
            "scram": relay | login | {"smtpd_sasl_mechanism_filter": "scram-sha-256"},
            "strange": tls | login,
            "strangeplain": tls | login | {"smtpd_sasl_mechanism_filter": "plain"},
            "implicit": relay | login | {"smtpd_tls_wrappermode": "yes"},
        }

    def _tls(self, issued: Issued, name: str) -> dict[str, str]:
        chain, key = issued.write(self.folder, name)
        return {
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": str(chain),
            "smtpd_tls_key_file": str(key),
            "smtpd_tls_auth_only": "yes",
        }


def zones(far: Far) -> dict[str, str]:
    """A domain for each host: `plain.test`, `tls.test` and so on; there are no others."""
    found = {f"{host}.test": far.zone(host) for host in far.hosts}
    return found | {"test": "@ TXT all-others-do-not-exist"}
