"""Work that is done now and then, by whichever process gets to it first."""
