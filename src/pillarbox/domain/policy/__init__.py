"""What admins decide per domain while the server runs: policy columns, points of findings."""
