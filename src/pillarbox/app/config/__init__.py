"""Configuration: one schema, read from a file and the environment. Light to import."""
