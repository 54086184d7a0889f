"""The sandbox's Salesforce: a believable org behind Salesforce's own paths and wire formats.

schema.py and objects*.py say what the org holds, org.py keeps it, soql/ reads it, writer.py changes it, server.py and
api_*.py put it on the wire, populate.py turns the world's happenings into its records.
"""

from sandbox.salesforce.crm import SalesforceCrm

__all__ = ["SalesforceCrm"]
