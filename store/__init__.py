"""What is remembered: registry, artifacts, predictions, audit. Imports nothing of ours."""
