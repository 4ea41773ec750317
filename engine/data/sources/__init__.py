"""Sources as Arrow tables: files, SQL over them, databases, URLs, functions of the workspace."""

from engine.data.sources.columns import need_columns
from engine.data.sources.reading import read_source
from engine.data.sources.since import Since

__all__ = ["Since", "need_columns", "read_source"]
