"""Dataclass <-> flags (and, by `tfsent.settings_json`, JSON); exit codes of commands.

Knows no setting by name: flags, help and files are read off the dataclass that a
script asks for, so a new field of `tfsent.config` needs nothing here.

Precedence, lowest first: field default, `--preset NAME` or `--config FILE`, flags.
"""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NoReturn, TypeVar, cast

import tyro

# Private to tyro, and the only way to get a failure as data instead of as a drawn
# box; tyro is pinned, and tests/test_cli.py holds every message made from it.
from tyro import _errors as tyro_errors

from tfsent.config import RunConfig
from tfsent.presets import PRESETS
from tfsent.quiet import quiet
from tfsent.settings_json import (
    choices,
    describe,
    did_you_mean,
    from_dict,
    read_config,
    setting_types,
    to_dict,
)

__all__ = [
    "from_dict",
    "parse_config",
    "quiet",
    "read_config",
    "run",
    "tell",
    "to_dict",
]

C = TypeVar("C")
Presets = Mapping[str, Callable[[], Any]]


class _UsageError(ValueError):
    """A command line that cannot work; its text is the one line shown."""


def parse_config(
    argv: Sequence[str] | None = None,
    config_type: type[C] = RunConfig,  # type: ignore[assignment]  # mypy#3737
    presets: Presets | None = None,
    description: str | None = None,
    by_place: bool = False,
) -> C:
    """Return the settings that a command line asks for.

    Leaves the process where it cannot: with 0 after `--help` (on standard output),
    with 2 and one line on standard error after a wrong flag, preset, file or value.

    Args:
        argv: Arguments without the program's name. Default: those of this process.
        config_type: Frozen dataclass, nested as the flags are to be.
        presets: Named settings; each makes a `config_type`. Default: `PRESETS` for
            `RunConfig`, none for any other type.
        description: First paragraph of the help. Default: that of `config_type`.
        by_place: Whether settings without a default are given by their place on
            the command line, in their order, and not by a flag.
    """
    args = list(sys.argv[1:] if argv is None else argv)
    if presets is None:
        presets = PRESETS if config_type is cast(Any, RunConfig) else {}
    try:
        return _parse(args, config_type, presets, description, by_place)
    except _UsageError as error:
        _tell(str(error))
    except BrokenPipeError:  # The reader of the help has left; `run` knows what to do.
        raise
    except (ValueError, OSError) as error:
        _tell(_one_line(error))
    raise SystemExit(2)


def _parse(
    args: list[str],
    config_type: type[C],
    presets: Presets,
    description: str | None,
    by_place: bool,
) -> C:
    known = setting_types(config_type)
    places = _without_default(config_type) if by_place else []
    text = {"--preset": str, "--config": str}
    flags = {
        path.upper() if path in places else _flag(path): kind
        for path, kind in known.items()
    } | text
    if args and args[0].startswith("--tyro"):  # Its own flags: shell completion.
        raise _UsageError(f"{args[0]} is not a flag of this command.")

    for place in places:
        if _flag(place) in {arg.partition("=")[0] for arg in args}:
            raise _UsageError(
                f"{_flag(place)} is not a flag of this command: {place.upper()} is "
                "given by its place."
            )

    def fail(event: tyro_errors.ParseErrorEvent) -> NoReturn:
        raise _UsageError(_explain(event, args, flags))

    name = Annotated[
        str | None,
        tyro.conf.arg(
            help="Named settings to start from; flags override them.",
            metavar="{" + ",".join(presets) + "}",
        ),
    ]
    file = Annotated[
        str | None,
        tyro.conf.arg(
            help="JSON file of settings to start from, such as a run's config.json; "
            "flags override them.",
            metavar="FILE",
        ),
    ]
    starts: list[Any] = [("preset", name, None)] if presets else []
    starts.append(("config", file, None))
    start_type = dataclasses.make_dataclass("Start", starts, kw_only=True)
    with tyro_errors.on_parse_error(fail):
        start: Any
        start, _ = tyro.cli(
            start_type, args=args, return_unknown_args=True, add_help=False
        )
        base = _starting_point(config_type, presets, **dataclasses.asdict(start))
        # An empty name leaves the prefix out: --seed, not --settings.seed.
        placed = _placed(config_type, places)
        nested: Any = Annotated[placed, tyro.conf.arg(name="")]
        default = dataclasses.field(
            **({} if base is None else {"default": placed(**vars(base))})
        )
        settings = ("settings", nested, default)
        parsed: Any = tyro.cli(
            dataclasses.make_dataclass("Settings", [*starts, settings], kw_only=True),
            args=args,
            description=description or config_type.__doc__,
        )
    # Once through the reader of files: flags are held to the same rules.
    return from_dict(config_type, to_dict(parsed.settings))


def _starting_point(
    config_type: type[C],
    presets: Presets,
    config: str | None,
    preset: str | None = None,
) -> Any:
    """Return the settings that flags start from; None if some must come from flags."""
    if preset is not None and config is not None:
        raise _UsageError("--preset and --config exclude each other; give one.")
    if config is not None:
        return read_config(config, config_type)
    if preset is None:
        return None if _without_default(config_type) else config_type()
    if preset not in presets:
        raise _UsageError(
            f"--preset is {preset!r}; one of {', '.join(presets)} will do."
            + did_you_mean(preset, list(presets))
        )
    return presets[preset]()


def _without_default(config_type: Any) -> list[str]:
    """Return the names of the settings, not sections, that must be given."""
    return [
        field.name
        for field in dataclasses.fields(config_type)
        if field.default is dataclasses.MISSING
        and field.default_factory is dataclasses.MISSING
    ]


def _placed(config_type: Any, names: Sequence[str]) -> Any:
    """Return the same settings, `names` of them marked as given by their place."""
    kinds = setting_types(config_type)
    marked = [
        (
            name,
            Annotated[
                kinds[name],
                tyro.conf.Positional,
                tyro.conf.arg(metavar=name.upper()),
            ],
        )
        for name in names
    ]
    if not marked:
        return config_type
    return dataclasses.make_dataclass(
        config_type.__name__, marked, bases=(config_type,), frozen=True, kw_only=True
    )


def _explain(
    event: tyro_errors.ParseErrorEvent, args: list[str], flags: Mapping[str, Any]
) -> str:
    """Return one line that says what was wrong with a command line."""
    tokens = getattr(event, "tokens", getattr(event, "unrecognized_tokens", []))
    if tokens:
        token = next((t for t in tokens if t.startswith("-")), None)
        if token is None:
            places = [flag for flag in flags if not flag.startswith("-")]
            but = f" but {' '.join(places)}" if places else ""
            return f"{tokens[0]!r} stands alone; every value{but} follows its flag."
        token = token.split("=")[0]
        meant = re.sub(r"^--no-(.*\.)", r"--\1no-", token)  # --log.no-progress
        switches = [flag for flag, kind in flags.items() if kind is bool]
        known = [*flags, *(re.sub(r"([^.-][^.]*)$", r"no-\1", s) for s in switches)]
        hint = did_you_mean(meant, known) or " --help lists all flags."
        return f"{token} is not a flag of this command.{hint}"
    if isinstance(event, tyro_errors.MissingArgs):
        missing = [_name_of(a.arg) for a in event.missing_arguments]
        return f"{' and '.join(missing)} must be given."
    argument = getattr(event, "argument", None)
    if argument is None:
        return " ".join(str(getattr(event, "message", event)).split())
    flag = _name_of(argument)
    kind, given = flags.get(flag, str), _given(args, flag)
    if not given:
        return f"{flag} has no value; {describe(kind)} will do."
    return f"{flag} is {given!r}; {describe(kind)} will do." + did_you_mean(
        given, choices(kind)
    )


def _name_of(argument: Any) -> str:
    """Return an argument as help spells it: its flag, or its name in capitals."""
    name: str = argument.lowered.name_or_flags[0]
    return name if name.startswith("-") else name.rpartition(".")[2].upper()


def _given(args: Sequence[str], flag: str) -> str:
    """Return the words given for the last mention of a flag."""
    words: list[str] = []
    inside = False
    for token in args:
        name, equals, value = token.partition("=")
        if name.startswith("--"):
            inside = name.replace("_", "-") == flag
            words = ([value] if equals else []) if inside else words
        elif inside:
            words.append(token)
    return " ".join(words)


def _flag(path: str) -> str:
    return "--" + path.replace("_", "-")


def run(main: Callable[[], None]) -> NoReturn:
    """Run a script's `main` and leave the process with the documented exit code.

    0 on success; 1 and one line on standard error after ValueError, OSError or
    MemoryError (with the traceback when TFSENT_TRACEBACK is set); 130 after Ctrl-C;
    143 after SIGTERM, which unwinds `main` unless it installs a handler of its own;
    a SystemExit passes through. Other exceptions are faults and keep their traceback.
    """
    signal.signal(signal.SIGTERM, _leave_on_sigterm)
    try:
        main()
        sys.stdout.flush()
        code = 0
    except KeyboardInterrupt:
        _tell("interrupted", kind="")
        code = 130
    except BrokenPipeError:  # The reader, such as `head`, has left: nobody to tell.
        code = 1
    except (ValueError, OSError, MemoryError) as error:
        if os.environ.get("TFSENT_TRACEBACK"):
            traceback.print_exc()
        _tell(_one_line(error))
        code = 1
    _let_go_of_output()
    raise SystemExit(code)


def _let_go_of_output() -> None:
    """Drop buffered output that cannot be written: Python would leave with 120."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _leave_on_sigterm(signum: int, frame: object) -> NoReturn:
    raise SystemExit(128 + signum)


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        text = f"{error.filename}: {error.strerror}"
    elif isinstance(error, MemoryError):
        text = f"out of memory. {error}"
    else:
        text = str(error) or type(error).__name__
    return " ".join(text.split())


def tell(line: str) -> None:
    """Print a message: on standard error, results have standard output."""
    print(line, file=sys.stderr, flush=True)


def _tell(line: str, kind: str = "error: ") -> None:
    print(f"{kind}{line}", file=sys.stderr)
