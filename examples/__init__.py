"""Example workspaces on real data, shipped as package data."""
