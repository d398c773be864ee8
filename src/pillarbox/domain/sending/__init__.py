"""How much may be sent: what users, domains and the server sent, and to whom for the first time.

Tables and rules only; called by `pipeline/submission`.
"""
