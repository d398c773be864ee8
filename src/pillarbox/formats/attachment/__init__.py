"""What a file is in truth, and what in it can do harm; read with limits, never run or shown."""
