"""Hold files to 600 lines and functions to 60, so that each can be read in one go."""

import ast
import sys
from pathlib import Path

MAX_FILE_LINES = 600
MAX_FUNCTION_LINES = 60
FOLDERS = ("src", "tests", "tools", "bench")
# Data tables and generated steps, not code to be read.
EXEMPT_PARTS = ("migrations",)


def faults(path: Path) -> list[str]:
    """What is too long in a file."""
    text = path.read_text("utf-8")
    lines = text.count("\n") + 1
    found = [f"{path}: {lines} lines, at most {MAX_FILE_LINES}"] if lines > MAX_FILE_LINES else []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                found.append(
                    f"{path}:{node.lineno}: {node.name} has {length} lines, "
                    f"at most {MAX_FUNCTION_LINES}"
                )
    return found


def main() -> int:
    """Print every fault; gives the exit code."""
    found = [
        fault
        for folder in FOLDERS
        for path in sorted(Path(folder).rglob("*.py"))
        if not any(part in EXEMPT_PARTS for part in path.parts)
        for fault in faults(path)
    ]
    print("\n".join(found) if found else "sizes: all files and functions are within their limits")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
