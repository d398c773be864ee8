"""What tests are made of: clocks, databases, the whole server, dialogs."""
