"""The demo: two models on real data, trained, shipped, watched and rolled back through the client."""
