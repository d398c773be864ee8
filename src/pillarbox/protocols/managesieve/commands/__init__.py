"""What the commands of ManageSieve do, a family to a module."""
