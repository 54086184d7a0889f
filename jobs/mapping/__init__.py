"""What people do with mapping.yaml: check it, see what it covers, and bring a version of it into force."""
