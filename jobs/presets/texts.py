"""The presets by name, and their mappings as text."""

from importlib import resources

SANDBOX = "sandbox"
PRESETS = {
    SANDBOX: "the invented Salesforce and HubSpot of `sakigake sandbox`",
    "salesforce-custom-object": "attack lists in a custom object",
    "salesforce-lead": "targets are Leads, deals the Opportunities they are converted to",
    "salesforce-campaign": "a Campaign for each partner's list, its members are the targets",
    "hubspot-deals": "a pipeline of deals is the attack list",
    "hubspot-custom-object": "attack lists in a custom object that leads to deals",
}


def mapping_text(preset: str) -> str:
    """The preset's mapping.yaml."""
    return resources.files("jobs.presets").joinpath(f"{preset}.mapping.yaml").read_text("utf-8")
