"""HTTP: the requests of every face that speaks it, over the same connections as mail's."""
