"""What each command does: one file per command family, put together in `registry.py`."""
