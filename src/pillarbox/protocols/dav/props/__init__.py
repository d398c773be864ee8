"""The properties of resources, one file for each namespace."""
