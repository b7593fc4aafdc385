"""Serve a local page: type a review, see its heat map, let the model write.

    python scripts/app.py --model runs/first --classifier runs/first-sst

Prints the address to open; Ctrl-C ends it. Needs gradio (requirements-dev.txt).
"""

from __future__ import annotations

from collections.abc import Sequence

from tfsent.cli import parse_config, quiet, run, tell
from tfsent.config_commands import AppConfig


def main(argv: Sequence[str] | None = None) -> None:
    """Serve the page until Ctrl-C."""
    config = parse_config(argv, AppConfig, description=__doc__)
    quiet()
    # Here, not above: --help and wrong flags need not wait for a framework.
    from tfsent.page import Reader, listen, serve
    from tfsent.page.server import address_of
    from tfsent.transfer.classifier import has_classifier, load_classifier

    with listen(config.host, config.port) as listener:
        folder = config.classifier or config.model
        if config.classifier is None and not has_classifier(folder):
            raise ValueError(
                f"{config.model} brings no classifier; --classifier will name one."
            )
        classifier = load_classifier(folder)
        from compare.resolve import resolve

        reader = Reader(
            model=resolve(config.model, precision=config.precision),
            classifier=classifier,
            max_chars=config.max_chars,
            max_length=config.max_length,
            any_model=config.any_model,
        )
        if config.host not in ("127.0.0.1", "localhost", "::1"):
            tell(f"note: whoever reaches {config.host} can use the page.")
        print(address_of(listener), flush=True)
        serve(listener, reader, config.model, config.host)


if __name__ == "__main__":
    run(main)
