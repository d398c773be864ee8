"""Learning from what users do with their mail: what is spam, and what came of whose mail."""
