"""The tests of scripts; each module exports its `WORDS`."""
