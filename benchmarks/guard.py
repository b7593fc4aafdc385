"""Has anything become slower since its figures were kept?

    python -m benchmarks.guard
    python -m benchmarks.guard --keep

Runs the benchmarks of the training step, of featurizing and of generation, and compares
their ratios, never times, with those kept in `benchmarks/ratios.json` for the same kind
of machine. A ratio has moved where its range and the kept one share no value: by more
than the noise of both. Leaves with 1 if one fell or could not be measured. --keep
writes what was measured into the file: after a change that is meant, or on another
kind of machine.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.children import started
from benchmarks.provenance import available_cores, cpu_model
from benchmarks.result import begin, finish, span
from benchmarks.timing import Spread
from tfsent.cli import parse_config, run, tell

_ROOT = Path(__file__).parents[1]
_STEP = "--skip-keras --repeats 5 --cells"
_TEXTS = "--repeats 5 --text-bytes 60000 --loop-bytes 3000"
_WRITING = "--repeats 5 --cells 1x512,16x512 --length 256 --eager-length 32"

Ratios = Mapping[str, Spread]


def step_ratios(result: Mapping[str, Any]) -> dict[str, Spread]:
    """Return the shares of the float32 product that a training step reaches."""
    return {
        f"B{cell['batch_size']} H{cell['hidden_size']} of GEMM": Spread(
            **cell["ratio_to_gemm"]
        )
        for cell in result["cells"]
    }


def featurizing_ratios(result: Mapping[str, Any]) -> dict[str, Spread]:
    """Return the share of the product, and own speed over that of the other ways."""
    found = {}
    for kind, ways in result["kinds"].items():
        found[f"{kind} of GEMM"] = Spread(**ways["own"]["of_product"])
        for way in ("padded", "loop"):
            times = ways[way]["own_times_this"]
            found[f"{kind} times {way}"] = Spread(**times)
    return found


def writing_ratios(result: Mapping[str, Any]) -> dict[str, Spread]:
    """Return own speed over that of the loop over bytes, weights folded in both."""
    return {
        f"S{cell['samples']} H{cell['hidden_size']} times loop": Spread(
            **cell["folded"]["own_times_this"]
        )
        for cell in result["cells"]
    }


class Benchmark(NamedTuple):
    """A script that prints one JSON object, and the ratios that it holds."""

    script: str
    flags: str
    ratios: Callable[[Mapping[str, Any]], dict[str, Spread]]


BENCHMARKS = {
    "step": Benchmark(
        "benchmarks/train_step.py", f"{_STEP} 32x512,32x1024,128x1024", step_ratios
    ),
    "step bf16": Benchmark(
        "benchmarks/train_step.py",
        f"--precision mixed_bfloat16 {_STEP} 32x512",
        step_ratios,
    ),
    "features": Benchmark("benchmarks/featurize.py", _TEXTS, featurizing_ratios),
    "features twin": Benchmark(
        "compare/featurize_speed.py", _TEXTS, featurizing_ratios
    ),
    "writing": Benchmark("benchmarks/generate.py", _WRITING, writing_ratios),
    "writing twin": Benchmark("compare/generate_speed.py", _WRITING, writing_ratios),
}


@dataclass(frozen=True, kw_only=True)
class GuardConfig:
    """What is measured, and what it is compared with."""

    only: tuple[str, ...] = ()
    """Names of benchmarks, one or several. Default: all."""
    file: str = str(_ROOT / "benchmarks" / "ratios.json")
    """Ratios that were kept, JSON."""
    keep: bool = False
    """Put what is measured in their place, instead of comparing."""
    out: str | None = None
    """File for the result as one JSON object, besides what is printed."""
    json: bool = False
    """Print nothing but the result, as one JSON object, on standard output."""

    def __post_init__(self) -> None:
        """Refuse what cannot work."""
        for name in self.only:
            if name not in BENCHMARKS:
                known = ", ".join(BENCHMARKS)
                raise ValueError(f"only has {name!r}; there are {known}.")


class Row(NamedTuple):
    """One ratio, as kept and as it is now.

    Attributes:
        name: Benchmark and ratio.
        kept: None where none was kept.
        now: None where the benchmark no longer gives it.
    """

    name: str
    kept: Spread | None
    now: Spread | None

    @property
    def moved(self) -> str:
        """How: "faster", "slower", "gone", "new"; nothing where the ranges meet."""
        if self.now is None:
            return "gone"
        if self.kept is None:
            return "new"
        if self.now.high < self.kept.low:
            return "slower"
        return "faster" if self.now.low > self.kept.high else ""


def compared(kept: Ratios, now: Ratios) -> list[Row]:
    """Return a row for every ratio of either side, in the order of the kept ones."""
    names = dict.fromkeys((*kept, *now))
    return [Row(name, kept.get(name), now.get(name)) for name in names]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure, compare or keep; leave with 1 if something fell or failed."""
    config = parse_config(argv, GuardConfig, description=__doc__)
    file, machine = Path(config.file), f"{cpu_model()}, {available_cores()} cores"
    every = json.loads(file.read_text()) if file.exists() else {}
    result = begin("benchmarks.guard", argv, config) | {"machine": machine}
    names = config.only or tuple(BENCHMARKS)
    now, failed = _measured(names)
    facts = every.get(machine, {"ratios": {}})
    kept = {
        name: Spread(**values)
        for name, values in facts["ratios"].items()
        if name.partition(":")[0] in names
    }
    rows = compared(kept, now)
    result["ratios"] = {name: values._asdict() for name, values in now.items()}
    result["moved"] = {row.name: row.moved for row in rows if row.moved}
    result["failed"] = failed
    finish(result, config, report(rows, machine, failed, bool(kept)))
    if failed:
        raise SystemExit(1)
    if config.keep:
        others = {n: v for n, v in facts["ratios"].items() if n not in kept}
        facts = {name: result[name] for name in ("date", "versions")}
        every[machine] = facts | {"ratios": others | result["ratios"]}
        file.write_text(json.dumps(every, indent=1) + "\n")
    elif {"slower", "gone"} & set(result["moved"].values()):
        raise SystemExit(1)


def _measured(names: Sequence[str]) -> tuple[dict[str, Spread], dict[str, str]]:
    """Return the ratios of some benchmarks, and why others gave none."""
    found: dict[str, Spread] = {}
    failed: dict[str, str] = {}
    for name in names:
        tell(f"{name} ...")
        benchmark = BENCHMARKS[name]
        flags = [*benchmark.flags.split(), "--json"]
        try:
            with started(_ROOT / benchmark.script, flags) as child:
                ratios = benchmark.ratios(child.result())
        except ChildProcessError as error:
            failed[name] = str(error)
            continue
        found |= {f"{name}: {ratio}": values for ratio, values in ratios.items()}
    return found, failed


def report(
    rows: Sequence[Row], machine: str, failed: Mapping[str, str], compares: bool
) -> str:
    """Return what was found as Markdown."""
    lines = [f"{machine}:", "", "| ratio | kept | now | |", "|---|---|---|---|"]
    for row in rows:
        kept, now = ("" if v is None else span(v._asdict()) for v in row[1:])
        moved = row.moved if compares else ""
        lines.append(f"| {row.name} | {kept} | {now} | {moved} |")
    lines += ["", *(f"{name} was not measured: {why}" for name, why in failed.items())]
    if compares:
        count = sum(row.moved in ("faster", "slower") for row in rows)
        lines.append(
            f"{count} of {len(rows)} ratios moved by more than the noise of both."
        )
    else:
        lines.append("No ratios are kept for this kind of machine; --keep keeps these.")
    return "\n".join(lines)


if __name__ == "__main__":
    run(main)
