"""Senders that users and admins let in or keep out, whatever the checks find."""
