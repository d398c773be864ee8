"""Filters of users and of the site: changing scripts, and running them over mail."""
