"""Convert a model between layouts and frameworks, or prove two files equal.

    python scripts/convert.py runs/first first.pt --to twin --verify
    python scripts/convert.py downloads/openai runs/openai --to keras
    python scripts/convert.py runs/first first.pt --verify

The format of SRC is found out, and the order of its gates. With --verify one file is
computed with Keras and the other with PyTorch: states, gradients, 20 updates. Of a
conversion that fails there, the certificate is kept and nothing else.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Sequence
from pathlib import Path

from tfsent.cli import parse_config, quiet, run, tell
from tfsent.config_files import ConvertConfig


def main(argv: Sequence[str] | None = None) -> None:
    """Convert or compare what the command line names and print what was found."""
    config = parse_config(argv, ConvertConfig, description=__doc__, by_place=True)
    quiet()
    # A proof is computed on the CPU, where its tolerances were measured.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    # Here, not above: --help and wrong flags need not wait for the frameworks.
    from compare.convert import convert, match

    prove = certificate = None
    if config.verify:
        from compare.certificate import certify

        target = Path(config.target).expanduser()
        certificate = Path(config.certificate or f"{target}.certificate").expanduser()
        if target in certificate.parents:
            raise ValueError(
                f"certificate {certificate} would lie in {target} itself; name another "
                "place."
            )
        prove = functools.partial(certify, name=certificate, target_name=target)

    asked = {"gates": config.gates, "probe": config.probe, "prove": prove}
    if config.to is None:
        done = match(config.source, config.target, **asked)
    else:
        done = convert(config.source, config.target, config.to, announce=tell, **asked)
    for line in done.warnings():
        tell(line)
    if config.json:
        written = None if certificate is None else f"{certificate}.json"
        print(json.dumps(done.result() | {"certificate": written}))
    else:
        print("\n".join(done.lines()))
        if certificate is not None:
            print(f"Certificate: {certificate}.md and .json")


if __name__ == "__main__":
    run(main)
