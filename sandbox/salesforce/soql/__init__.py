"""SOQL: read (parse.py), checked against the schema and compiled to closures (check.py, filters.py), run (run.py).

What the grammar does not know is refused with MALFORMED_QUERY, never guessed at.
"""
