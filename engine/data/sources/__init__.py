"""Sources as Arrow tables: files, SQL over them, databases, URLs, functions of the workspace."""

from engine.data.sources.reading import Since, need_columns, read_source

__all__ = ["Since", "need_columns", "read_source"]
