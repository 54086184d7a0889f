"""HubSpot: its paths, limits, replies and lists stop in this folder.

connector   what the rest sees            transport, auth, replies, paths              one call
pages       first load, windows, sweeps   listing, search, reading, extras, small      what a reading is made of
live, write, provision, describe, values  the rest of the Protocol
"""

from sync.hubspot.auth import AccessToken, OAuthRefresh
from sync.hubspot.connector import HubspotConnector

__all__ = ["AccessToken", "HubspotConnector", "OAuthRefresh"]
