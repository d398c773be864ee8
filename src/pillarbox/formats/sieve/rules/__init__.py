"""Simple rules: what users edit who never write Sieve; kept as a script, and read back from it.

`model` has the values, `conditions` and `actions` what they are made of; `writing` makes the
script and `reading` gives the rules back, or says what in it is more than rules.
"""
