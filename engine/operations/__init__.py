"""The one list of operations. Standard library only.

Socket route, client, command line, permission matrix and help are generated from `engine.operations.catalog`.
"""
