"""Removes a person's rows from everything a deck keeps, and tells what was made of them."""
