"""Reports, by what they are about."""
