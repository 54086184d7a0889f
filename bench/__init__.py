"""`make bench`: ratios against a limit measured in the same run, since seconds on one machine tell little about another."""
