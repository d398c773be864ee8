"""The search index: sealed segments of words, and where in mail each stands."""
