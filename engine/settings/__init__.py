"""Settings of a deck: frozen sections here, reading and checking TOML in `engine.settings.files`."""
