"""Rows found by filter in SQL, in an order, page by page: what is asked comes in as plain data."""
