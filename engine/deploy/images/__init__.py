"""Images of model versions, made without a registry, and the containers they run in."""
