"""Who may connect and how fast: bans, countries, rates, guessing of recipients, delays."""
