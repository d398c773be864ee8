"""Mail coming in: recipients, trace, delivery."""
