"""Write-back: `plan` decides (pure), `plans` and `journal` remember, `deliver` acts by way of `sending`.

A change is planned only where the live value differs, journalled before it is sent, and confirmed by the CRM's own answer for that
record; an answer that was lost is replaced by reading back, before anything is sent again.
"""
