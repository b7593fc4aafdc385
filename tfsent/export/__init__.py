from tfsent.export.proof import NotEqual
from tfsent.export.saved_model import export_saved_model
from tfsent.export.small_formats import export_small, refuse_early

__all__ = ["NotEqual", "export_saved_model", "export_small", "refuse_early"]
