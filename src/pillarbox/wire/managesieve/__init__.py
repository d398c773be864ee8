"""ManageSieve on the wire: bytes to values and back; no I/O."""
