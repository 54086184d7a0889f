"""The nouns of partner sales and the tables that hold them. Imports nothing else of this project."""
