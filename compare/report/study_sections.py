"""The study of networks as tables: accuracy, times, one framework beside the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from compare.report.numbers import ends, megabytes, plain, tiny
from compare.report.speed_sections import versions_text
from compare.report.tables import Cell, Output, Section, Table, figure, without_empty

HOW_TO_READ = (
    "All systems start from the same weights and read the same padded batches in the "
    "same order, with one rule for the updates (Adam, with epsilon where Keras has it) "
    "and no dropout. Gap is the largest difference of the losses of the first updates "
    "from those of the first system, over the largest; a system beyond what is allowed "
    "is invalid and goes no further.",
    "For one network the systems live side by side, each in a process of its own, and "
    "take turns: a part of an epoch, then a part of the test texts, then calls with "
    "one text, each round beginning with another system. The training itself is what "
    "is timed. A ratio is that of the seconds of one round; 2 is twice as fast.",
    "A figure with brackets is a median, and in the brackets stands its 95 % interval: "
    "of seconds by bootstrap over processes and what each was timed at, of accuracies "
    "by bootstrap over test texts. With one seed there is one process of each system "
    "and network: such an interval knows of the turns of this process and not of how "
    "another one would fare. What holds over many networks holds over many processes. "
    "Of an epoch's seconds there are as few figures as epochs: of three the brackets "
    "are least and most, and cover less than 95 %. Ratios are not corrected for their "
    "number: of twenty without a difference one may show some.",
    "Compiling is what the first update, batch or call of each length took beyond the "
    "others of its length, summed; it is in no other figure but start-up, which goes "
    "from the start of the process to the end of its first update.",
    "p is that of McNemar's exact test on the same test texts, corrected by Holm's "
    "method for all comparisons of its kind. It knows of the test texts and not of "
    "another start: with one seed a difference may be the seed's, and the systems of "
    "one network, which start alike, are no independent witnesses.",
)

_TASKS = {
    "train": "training",
    "test": "test texts",
    "single": "one text alone",
}


def study_sections(study: dict[str, Any]) -> Iterator[Section]:
    """Yield what was done, what came of it, and every figure."""
    yield Section("How to read this", points=HOW_TO_READ)
    yield _setting(study)
    yield Section(
        "Accuracy on the test texts",
        tables=[_accuracies(study)],
        pictures=["study-accuracy"],
    )
    yield Section(
        "Seconds of an epoch", tables=[_epochs(study)], pictures=["study-growth"]
    )
    yield Section(
        "Systems beside each other",
        text=["How many times as fast the first of the two is."],
        tables=[table for table in _ratio_tables(study) if table.rows],
    )
    yield Section(
        "All figures", tables=[_figures(study)], outputs=list(_outputs(study))
    )
    if study["comparisons"]:
        yield Section("Comparisons of accuracy", tables=list(_comparison_tables(study)))


def interpretation(study: dict[str, Any]) -> Section:
    """Return what the figures say, as rules say it."""
    return Section(
        "Interpretation",
        text=["Written from the figures by fixed rules (compare/study/findings.py)."],
        points=[each["sentence"] for each in study["findings"]],
    )


def _setting(study: dict[str, Any]) -> Section:
    texts = study["texts"]
    lengths = ", ".join(map(str, study["lengths"]))
    longest = study["lengths"][-1]
    rows = [
        [
            Cell(name),
            Cell(system["what"]),
            Cell(versions_text(system["versions"] or {})),
        ]
        for name, system in study["systems"].items()
    ]
    return Section(
        "What was trained",
        text=[
            f"{texts['train_texts']:,} texts of {texts['train']}, drawn from the "
            f"{texts['short_texts']:,} of at most {longest} words "
            f"({texts['train_words']:,} words in all); {texts['test_texts']:,} texts "
            f"of {texts['test']} ({texts['test_words']:,} words), of "
            f"{texts['test_texts_cut']:,} of which only the first {longest} words are "
            f"read. {texts['vocabulary']:,} numbers of words, made from the training "
            "texts.",
            "Embedding as wide as the layers, recurrent layers, mean over the words "
            f"under a mask, softmax of two classes. Epochs: {study['epochs']}, in "
            f"batches of {study['batch_size']}, filled up to {lengths} words; all "
            "epochs are made, none is chosen. Threads of each framework: "
            f"{study['threads']}; one process at work at a time. The networks took "
            f"{plain(study['wall_s'] / 3600, 3)} hours together.",
        ],
        tables=[Table("", ("system", "what", "versions"), rows)],
    )


def _accuracies(study: dict[str, Any]) -> Table:
    names = list(study["systems"])
    rows = []
    for network in study["networks"]:
        runs = {
            name: {run["seed"]: run for run in system["runs"]}
            for name, system in network["systems"].items()
        }
        for seed in sorted({seed for each in runs.values() for seed in each}):
            cells = [
                _accuracy(runs.get(name, {}).get(seed), _remark(network, name))
                for name in names
            ]
            rows.append([*_network(network), Cell(str(seed), seed), *cells])
    return Table("", (*_NETWORK, "seed", *names), rows)


def _accuracy(run: dict[str, Any] | None, remark: Cell) -> Cell:
    if run is None:
        return remark
    percent = 100 * run["accuracy"]
    return Cell(f"{percent:.2f} %", percent, more=ends(run["interval"], 100))


_NETWORK = ("cell", "depth", "width", "weights")


def _network(network: dict[str, Any]) -> list[Cell]:
    return [
        Cell(network["cell"]),
        *(Cell(str(network[key]), network[key]) for key in ("depth", "width")),
        Cell(f"{network['parameters']:,}", network["parameters"]),
    ]


def _remark(network: dict[str, Any], name: str) -> Cell:
    system = network["systems"].get(name)
    if system is None or system["status"] == "ok":
        return Cell("")
    return Cell(system["status"], marked=system["status"] != "absent")


def _epochs(study: dict[str, Any]) -> Table:
    names = list(study["systems"])
    rows = [
        [
            *_network(network),
            *(
                figure(system["epoch_s"])
                if (system := network["systems"].get(name)) and system["epoch_s"]
                else _remark(network, name)
                for name in names
            ),
        ]
        for network in study["networks"]
    ]
    return Table("", (*_NETWORK, *names), rows)


def _ratio_tables(study: dict[str, Any]) -> Iterator[Table]:
    pairs = dict.fromkeys(
        (each["one"], each["other"])
        for network in study["networks"]
        for each in network["speed"]
    )
    for pair in pairs:
        rows = [
            [*_network(network), *(figure(each[task]) for task in _TASKS)]
            for network in study["networks"]
            for each in network["speed"]
            if (each["one"], each["other"]) == pair
        ]
        yield Table(" : ".join(pair), (*_NETWORK, *_TASKS.values()), rows)


def _figures(study: dict[str, Any]) -> Table:
    titles = (
        "network",
        "system",
        "remark",
        "epoch, s",
        "test texts, s",
        "one text, ms",
        "start-up, s",
        "of it import, s",
        "compiling, s",
        "peak MB",
        "loss of the last epoch",
        "gap (allowed)",
    )
    rows = []
    for network in study["networks"]:
        for name, system in network["systems"].items():
            peak, gap = system["peak_resident_bytes"], system["gap"]
            said = "" if system["status"] == "ok" else _said(system)
            losses = [run["losses"][-1] for run in system["runs"]]
            mean = sum(losses) / len(losses) if losses else None
            rows.append(
                [
                    Cell(network["key"]),
                    Cell(name),
                    Cell(said, marked=bool(said) and system["status"] != "absent"),
                    figure(system["epoch_s"]),
                    figure(system["test_s"]),
                    figure(system["single_s"], 1000),
                    figure(system["start_s"]),
                    figure(system["import_s"]),
                    figure(system["compile_s"]),
                    Cell(megabytes(peak), peak),
                    Cell("" if mean is None else plain(mean), mean),
                    Cell(tiny(gap["value"]), gap["value"], more=f"{gap['tolerance']:g}")
                    if gap
                    else Cell(""),
                ]
            )
    return without_empty(Table("", titles, rows))


def _said(system: dict[str, Any]) -> str:
    return f"{system['status']}: {system['reason']}"


def _outputs(study: dict[str, Any]) -> Iterator[Output]:
    for network in study["networks"]:
        for name, system in network["systems"].items():
            if system["stderr"].strip():
                title = f"Standard error of {name}, {network['key']}"
                yield Output(title, system["stderr"])


def _comparison_tables(study: dict[str, Any]) -> Iterator[Table]:
    titles = (
        "network",
        "seed",
        "one",
        "other",
        "difference, points",
        "right in one alone",
        "right in the other alone",
        "p",
        "p after Holm",
    )
    for kind in dict.fromkeys(each["kind"] for each in study["comparisons"]):
        rows = [
            [
                Cell(each["key"]),
                Cell(str(each["seed"]), each["seed"]),
                Cell(each["one"]),
                Cell(each["other"]),
                Cell(
                    f"{100 * each['difference']:+.2f}",
                    each["difference"],
                    more=ends(each["interval"], 100),
                ),
                *(
                    Cell(f"{each[key]:,}", each[key])
                    for key in ("only_one", "only_other")
                ),
                *(Cell(f"{each[key]:.2g}", each[key]) for key in ("p", "holm_p")),
            ]
            for each in study["comparisons"]
            if each["kind"] == kind
        ]
        yield Table(kind.capitalize(), titles, rows)
