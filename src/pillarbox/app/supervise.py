"""The script of the supervisor's process: takes over what `app/serving` prepared.

Runs in an interpreter that has imported next to nothing. Its one argument is the descriptor of a
memory file with a marshalled dictionary.
"""

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pillarbox.app.supervisor import Station


def main(state_descriptor: int) -> int:
    """Supervise until told to stop; gives the exit status."""
    with os.fdopen(state_descriptor, "rb") as file:
        state = marshal.loads(file.read())  # noqa: S302  (written by our own process)
    sys.path[:] = state["path"]
    from pillarbox.app.supervisor import Supervisor
    from pillarbox.base.log_target import LogTarget

    os.umask(0o077)
    target = LogTarget(state["log_path"], as_json=state["log_as_json"])
    if state["workers"] > 1:
        # What nobody changes is then in memory once. For a single worker that would cost more
        # than it saves, since reference counts dirty most pages anyway.
        import pillarbox.app.worker  # noqa: F401

    def work(station: "Station") -> int:
        import pickle

        from pillarbox.app.worker import run_worker

        return run_worker(pickle.loads(state["plan"]), station, target)  # noqa: S301

    try:
        return Supervisor(
            work,
            target,
            workers=state["workers"],
            shutdown_timeout_s=state["shutdown_timeout_s"],
            on_ready=lambda: _print(state["ready"]),
            on_reload=target.reopen,
        ).run()
    finally:
        if state["remove"]:
            import shutil

            shutil.rmtree(state["remove"], ignore_errors=True)


def _print(text: str) -> None:
    try:
        os.write(1, text.encode())
    except OSError:
        return  # nobody listens any more, which is no reason to stop


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
