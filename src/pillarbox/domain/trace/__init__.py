"""What became of every message that came in, and why: kept sealed for some weeks."""
