"""Starting points for `sakigake init`: a configuration and a mapping that fit each other and a kind of CRM."""
