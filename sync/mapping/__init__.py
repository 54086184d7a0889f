"""From mirrored records to partners, entries, events and activities: pure, by the rules of mapping.yaml."""
