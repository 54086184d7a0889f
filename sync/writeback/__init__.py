"""Write-back: `plan` decides (pure), `journal` remembers, `deliver` acts.

A change is planned only where the live value differs, journalled before it is sent, and confirmed by the CRM's own answer for that
record; an answer that was lost is replaced by reading back, before anything is sent again.
"""
