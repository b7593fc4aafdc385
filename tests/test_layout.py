"""The one rule kept by code: imports go one way along the corridor."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FRAMEWORKS = {"tensorflow", "keras", "torch", "jax", "sklearn"}

# A room imports itself and rooms before it. `cli` stands last: only scripts parse.
CORRIDOR = (
    "ray_cluster",
    "engines",
    "config",
    "config_files",
    "config_labelled",
    "config_commands",
    "config_encoder",
    "config_supervised",
    "config_studies",
    "peak_memory",
    "path_errors",
    "settings_json",
    "presets",
    "data",
    "model",
    "training",
    "checkpoint",
    "memory_plan",
    "session",
    "ray_launcher",
    "keras_session",
    "transfer",
    "generate",
    "trained",
    "loading",
    "supervised",
    "studies",
    "heat_map",
    "page",
    "export",
    "quiet",
    "bulk",
    "cli",
)
FRAMEWORK_FREE = (
    "config",
    "config_files",
    "config_labelled",
    "config_commands",
    "config_encoder",
    "config_supervised",
    "config_studies",
    "peak_memory",
    "path_errors",
    "settings_json",
    "presets",
    "ray_cluster",
    "engines",
    "data",
    "checkpoint",
    "memory_plan",
    "quiet",
    "session",
    "trained",
    "transfer/__init__",
    "transfer/classifier",
    "transfer/feature",
    "transfer/feature_cache",
    "transfer/feature_files",
    "transfer/features",
    "transfer/reading",
    "transfer/texts",
    "generate",
    "training/__init__",
    "training/counters",
    "training/loop",
    "training/processes",
    "training/results",
    "training/run_log",
    "training/schedule",
    "training/start",
    "training/stop",
    "training/summary",
    "cli",
)
MAY_IMPORT = {
    "tfsent": {"tfsent"},
    "benchmarks": {"benchmarks", "tfsent"},
    "compare": {"compare", "benchmarks", "tfsent"},
    "scripts": {"tfsent", "benchmarks", "compare"},
}


def python_files(root, folder):
    return sorted((root / folder).rglob("*.py"))


def module_name(root, path):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(root, path):
    """Return the absolute names that a file imports, wherever in it."""
    package = module_name(root, path).split(".")
    if path.name != "__init__.py":
        package = package[:-1]
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join(above + ([node.module] if node.module else []))
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return names


def top(name):
    return name.split(".")[0]


def rooms(root, names):
    """Return the rooms of tfsent among imported names; plain attributes are none."""
    found = {name.split(".")[1] for name in names if name.startswith("tfsent.")}
    folder = root / "tfsent"
    return {r for r in found if (folder / r).is_dir() or (folder / f"{r}.py").exists()}


def wrong_directions(root):
    """Return 'file imports room' for each import of a later room of the corridor."""
    wrong = []
    for path in python_files(root, "tfsent"):
        own = path.relative_to(root / "tfsent").with_suffix("").parts[0]
        if own == "__init__":
            continue
        later = CORRIDOR[CORRIDOR.index(own) + 1 :]
        wrong += [
            f"{path.relative_to(root)} imports {room}"
            for room in sorted(rooms(root, imported(root, path)))
            if room in later
        ]
    return wrong


def wrong_houses(root):
    """Return 'file imports folder' for each import of a folder that it must not see."""
    return [
        f"{path.relative_to(root)} imports {name}"
        for folder, allowed in MAY_IMPORT.items()
        for path in python_files(root, folder)
        for name in sorted({top(name) for name in imported(root, path)})
        if (name in {*MAY_IMPORT, "tests"} - allowed)
        or (name == "torch" and folder not in ("compare", "scripts"))
    ]


def is_free(root, path):
    """Tell whether a file of tfsent is in the list of those without a framework."""
    own = path.relative_to(root / "tfsent").with_suffix("")
    return own.parts[0] in FRAMEWORK_FREE or own.as_posix() in FRAMEWORK_FREE


def modules(root, names):
    """Return the modules of tfsent among imported names, as 'room/module' or 'room'."""
    found = set()
    for name in names:
        parts = name.split(".")
        for end in range(2, len(parts) + 1):
            file = root.joinpath(*parts[:end]).with_suffix(".py")
            if parts[0] == "tfsent" and file.exists():
                found.add("/".join(parts[1:end]))
    return found


def wrong_frameworks(root):
    """Return 'file imports framework' for each framework in a framework-free file."""
    return [
        f"{path.relative_to(root)} imports {name}"
        for path in python_files(root, "tfsent")
        if is_free(root, path)
        for name in sorted({top(name) for name in imported(root, path)} & FRAMEWORKS)
    ]


def entered(root):
    """Return 'free file imports module' where that module may hold a framework."""
    return [
        f"{path.relative_to(root)} imports {name}"
        for path in python_files(root, "tfsent")
        if is_free(root, path)
        for name in sorted(modules(root, imported(root, path)))
        if not is_free(root, root / "tfsent" / f"{name}.py")
    ]


def test_every_room_has_its_place_in_the_corridor():
    folder = ROOT / "tfsent"
    found = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    found |= {path.parent.name for path in folder.glob("*/*.py")}
    assert found <= {*CORRIDOR}


def test_no_room_imports_a_later_one():
    assert wrong_directions(ROOT) == []


def test_no_house_imports_one_that_stands_on_it():
    assert wrong_houses(ROOT) == []


def test_framework_free_files_import_no_framework():
    assert wrong_frameworks(ROOT) == []


def test_framework_free_files_enter_no_other():
    assert entered(ROOT) == []


@pytest.mark.parametrize(
    ("file", "line", "check"),
    [
        ("tfsent/data/shards.py", "import tfsent.model.mlstm", wrong_directions),
        ("tfsent/data/shards.py", "from tfsent import model", wrong_directions),
        ("tfsent/data/shards.py", "from .. import model", wrong_directions),
        ("tfsent/data/shards.py", "from ..model import mlstm", wrong_directions),
        ("tfsent/data/shards.py", "def f():\n    import tfsent.cli", wrong_directions),
        ("tfsent/training/loop.py", "import tfsent.checkpoint", wrong_directions),
        ("tfsent/model/mlstm.py", "import torch.nn", wrong_houses),
        ("tfsent/model/mlstm.py", "from compare import twin", wrong_houses),
        ("benchmarks/timing.py", "import compare", wrong_houses),
        ("compare/speed.py", "import scripts.train", wrong_houses),
        ("tfsent/cli.py", "import scripts.train", wrong_houses),
        ("scripts/train.py", "from tests import tolerances", wrong_houses),
        ("tfsent/data/shards.py", "from tensorflow import io", wrong_frameworks),
        ("tfsent/checkpoint/weights.py", "import keras", wrong_frameworks),
        ("tfsent/checkpoint/weights.py", "import tfsent.model.mlstm", entered),
        ("tfsent/training/loop.py", "import tensorflow", wrong_frameworks),
        ("tfsent/session.py", "from tfsent.training import step", entered),
        ("tfsent/session.py", "from tfsent.training.step import TrainStep", entered),
    ],
)
def test_a_planted_import_is_found(tmp_path, file, line, check):
    there = ("model/mlstm", "checkpoint/weights", "training/step")
    for name in [file, *(f"tfsent/{module}.py" for module in there)]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "tfsent/cli.py").touch()
    assert check(tmp_path) == []
    (tmp_path / file).write_text(line + "\n")
    assert len(check(tmp_path)) == 1
