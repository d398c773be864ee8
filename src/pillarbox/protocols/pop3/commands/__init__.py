"""What the commands of POP3 do, a family to a module."""
