"""Files of named arrays, read without running anything in them, and written."""

from compare.containers.container import Container
from compare.containers.kinds import KINDS, read, write

__all__ = ["KINDS", "Container", "read", "write"]
