"""Versions loaded back as models, and the user's code they need. Heavy libraries are imported where used."""
