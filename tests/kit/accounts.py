"""Makes users in a data folder, all with one password: `python -m kit.accounts DIR ADDRESS…`.

Their domain gets the alias `all@` that leads to every one of them. One process for all, where the
command line would need one each.
"""

import sys
from pathlib import Path

from pillarbox.app.cli.invocation import Invocation
from pillarbox.domain.accounts import aliases, domains, users
from pillarbox.domain.accounts.model import Role
from pillarbox.pipeline.passwords import PasswordHasher
from pillarbox.storage.tx import Tx

PASSWORD = "correct horse battery"


def _make(tx: Tx, addresses: list[str], secret: str) -> None:
    for domain in dict.fromkeys(address.rpartition("@")[2] for address in addresses):
        domains.create(tx, domain)
        aliases.create(tx, f"all@{domain}", tuple(addresses))
    for address in addresses:
        users.create(tx, address, secret, address.partition("@")[0].capitalize(), Role.USER, 0)


if __name__ == "__main__":
    Invocation(None, Path(sys.argv[1])).write(_make, sys.argv[2:], PasswordHasher().hash(PASSWORD))
