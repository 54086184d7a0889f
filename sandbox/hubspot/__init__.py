"""A local HubSpot that speaks the real wire format: v3, v4 and dated paths from one core."""

from sandbox.hubspot.crm import HubspotCrm

__all__ = ["HubspotCrm"]
