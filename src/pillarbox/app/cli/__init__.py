"""The command line: one file for each noun. Light to import; what is heavy is imported when used.

Help texts are given as arguments, since docstrings are gone under `python -OO`.
"""
