"""Mail going out: from the queue to other servers."""
