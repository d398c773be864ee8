"""Messages that were refused or put into quarantine, kept for whom they were meant.

Only rows; who may do what with them is in `domain/rescue`.
"""
