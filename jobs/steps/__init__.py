"""The five steps of a run, each a thin shell: read what the last one stored, call what decides, store the answer."""
