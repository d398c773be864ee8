"""Mail our users send."""
