"""Answers as tables a person enjoys reading, a file a subject; `shape` says how all of them look."""
