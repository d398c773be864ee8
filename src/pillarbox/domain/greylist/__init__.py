"""Who was asked to come again, and came."""
