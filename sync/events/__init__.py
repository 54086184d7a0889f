"""Facts kept: partners, entries and activities as now seen, and the append-only log of events."""
