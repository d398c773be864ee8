"""Start-up: seconds from starting the processes until SMTP and IMAP both greet.

Takes a server script instead of host and port, as it must start the server itself. Data and
accounts exist before the clock starts; each start has fresh ones.

    python bench/startup.py --server pillarbox
    python bench/startup.py --server postfix_dovecot
"""

from __future__ import annotations

import argparse
import shlex
import time

from launch import LaunchFailed, Variant, running
from metrics import Metrics
from proctree import pss_bytes

SETTLE_S = 1.0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--server", choices=("pillarbox", "postfix_dovecot"), default="pillarbox")
    parser.add_argument("--arguments", default="", help='for the server script: "--workers 2"')
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    arguments = ("--accounts", "1", *shlex.split(options.arguments))
    variant = Variant(options.server, options.server, arguments)
    metrics = Metrics()
    for _ in range(options.runs):
        try:
            with running(variant) as at:
                metrics.add("greetings", at["startup_s"], "s")
                time.sleep(SETTLE_S)
                metrics.add("pss", pss_bytes(at["pids"]) / (1 << 20), "MiB")
        except LaunchFailed as error:
            raise SystemExit(str(error)) from None
    metrics.print_json("startup")


if __name__ == "__main__":
    main()
