"""Make the environment this runs in import pillarbox from the working tree.

Does what an editable installation does, without a build and its downloads.
"""

import sysconfig
from pathlib import Path

source = Path(__file__).resolve().parent.parent / "src"
site = Path(sysconfig.get_paths()["purelib"])
(site / "pillarbox.pth").write_text(f"{source}\n", "utf-8")
