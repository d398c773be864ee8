"""Client commands to values: one file per command family, put together in `table.py`.

An extension adds its own file here and one line to the tuple in `table.py`.
"""
