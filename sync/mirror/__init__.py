"""The mirror: typed tables, one per CRM object, in a schema per connection.

`schema` makes and extends the tables, `land` stores a page with its watermark, `pull` drives a connector, `read` gives the mapping its rows.
"""
