"""Who may see, have or throw away what is in quarantine (`domain/quarantine`)."""
