"""What settings say of keys, content and name servers, for commands that need no whole server."""

from pillarbox.app.config.options import Options
from pillarbox.formats.sieve.limits import RunLimits
from pillarbox.net.dns import DnsOptions, Validating
from pillarbox.storage.blobs.store import BlobStore
from pillarbox.storage.keys import KeyRing


def key_ring(options: Options) -> KeyRing:
    """The keys of the settings."""
    return KeyRing(dict(options.encryption_key))


def blob_store(options: Options) -> BlobStore:
    """Where content lies, as the settings say."""
    thresholds = {"db": None, "fs": 0, "hybrid": options.storage_threshold}
    return BlobStore(options.storage_fs_path, thresholds[options.storage_backend])


def dns_options(options: Options) -> DnsOptions:
    """Whom to ask for names, as the settings say."""
    servers = (options.dns_primary, options.dns_secondary)
    return DnsOptions(
        tuple(server for server in servers if server),
        options.dns_port,
        validating=Validating(options.dns_validating),
    )


def run_limits(options: Options) -> RunLimits:
    """What the scripts of an account may do with one message, as the settings say."""
    return RunLimits(redirects=options.sieve_max_redirects, actions=options.sieve_max_actions)
