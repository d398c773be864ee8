"""The words that act, one module for each family; `vocabulary` puts their `WORDS` together."""
