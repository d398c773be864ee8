"""Values to server responses: one file per response family; every function returns whole lines."""
