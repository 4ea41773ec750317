"""The one action table: what a person can do from a screen, by which key, and why not when it cannot be done.

Keys, footer hints, help, action menu, `:` completion and the key table of the README are projections of
`engine.actions.table`. Standard library only.
"""
