"""A local page on which a person types a review and sees what the model makes of it."""

from tfsent.page.reading import Reader
from tfsent.page.server import listen, serve

__all__ = ["Reader", "listen", "serve"]
