"""What people do with mapping.yaml: check it, see what it covers, hold a change against what stands, and activate it."""
