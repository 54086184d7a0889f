"""What another version of the mapping would do, computed on the mirrored records as they are, with nothing stored."""
