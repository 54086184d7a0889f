"""Attack lists that partners hand in as Excel or CSV files: read, understood, and kept as records of a source of their own.

`sheet` reads a file into cells, `headings` finds the row of headings and what they mean, `cells` reads values, `understand` puts the three
together. Pure but for `sheet`, which opens the file.
"""
