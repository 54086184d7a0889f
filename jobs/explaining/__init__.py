"""Lineage: from a field in the CRM back to formula, inputs, rule and mapping version, events, source records with their values, run and page."""
