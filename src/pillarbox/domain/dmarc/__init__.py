"""Aggregate reports of DMARC: what is told to other domains, and what they tell about ours."""
