"""Makes users in a data folder, all with one password: `python -m kit.accounts DIR ADDRESS…`.

Their domain gets the alias `all@` that leads to every one of them. One process for all, where the
command line would need one each.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pillarbox.app.cli.invocation import Invocation
from pillarbox.domain.accounts import aliases, domains, users
from pillarbox.domain.accounts.model import Role
from pillarbox.pipeline.passwords import PasswordHasher
from pillarbox.pipeline.verifiers import Secrets, Verifiers
from pillarbox.storage.keys import KeyRing
from pillarbox.storage.tx import Tx

PASSWORD = "correct horse battery"


def _make(tx: Tx, people: Mapping[str, Secrets]) -> None:
    addresses = tuple(people)
    for domain in dict.fromkeys(address.rpartition("@")[2] for address in addresses):
        domains.create(tx, domain)
        aliases.create(tx, f"all@{domain}", addresses)
    for address, stored in people.items():
        name = address.partition("@")[0].capitalize()
        users.create(tx, address, stored.hash, name, Role.USER, 0, stored.scram)


def _main(folder: Path, addresses: Sequence[str]) -> None:
    invocation = Invocation(None, folder)
    verifiers = Verifiers(KeyRing(dict(invocation.configuration().options.encryption_key)))
    secret = PasswordHasher().hash(PASSWORD)
    people = {
        address: Secrets(secret, verifiers.make(address, PASSWORD, secret)) for address in addresses
    }
    invocation.write(_make, people)


if __name__ == "__main__":
    _main(Path(sys.argv[1]), sys.argv[2:])
