"""Say in plain words when this Python is too old for pillarbox."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - this is the one file older Pythons run
    found = ".".join(str(number) for number in sys.version_info[:3])
    sys.exit(
        "pillarbox needs Python 3.11 or newer; this is " + found + ". Install a newer one and "
        "name it: make run PYTHON=python3.12"
    )
