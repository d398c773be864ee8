"""Daemons that mail is shown to: virus scanners, spam filters, milters."""
