"""Salesforce, behind one door: everything the vendor calls its own way stops in this folder."""

from sync.salesforce.auth import ClientCredentials, JwtBearer
from sync.salesforce.connector import SalesforceConnector

__all__ = ["ClientCredentials", "JwtBearer", "SalesforceConnector"]
