"""A source becomes shards once: where they lie, what is in them, what is refused."""

import json
import multiprocessing
import os

import pytest

from tests.data.small_texts import COUNT, lines, prints, settings
from tfsent.config import DataConfig
from tfsent.data import shards
from tfsent.data.placement import place
from tfsent.data.shards import open_prepared, prepare
from tfsent.data.sources import open_source

pytestmark = pytest.mark.usefixtures("cache")


def texts(split):
    return [sample.tobytes().decode()[2:-1] for sample in split.samples()]


def test_every_sample_is_placed_by_the_hash_of_its_index(source):
    splits = prepare(settings(source, split=(8, 1, 1), split_seed=5))
    expected = {"train": [], "val": [], "test": []}
    for index, text in enumerate(lines()):
        expected[place(index, 5, (8, 1, 1))].append(text.strip())
    assert {name: texts(split) for name, split in splits.items()} == expected


def test_files_hold_the_cleaned_bytes(tmp_path):
    (tmp_path / "a.txt").write_text("caf\u00e9<br>\n")
    for rule, expected in [
        ("openai", b"\n caf\xc3\xa9<br> "),
        ("nvidia", b"\n cafe "),
    ]:
        splits = prepare(settings(tmp_path / "a.txt", text_rule=rule))
        assert splits["train"].read(0, splits["train"].num_bytes).tobytes() == expected


def test_second_call_reads_nothing_again(source, monkeypatch):
    first = prepare(settings(source))
    monkeypatch.setattr(shards, "write", None)
    assert prints(prepare(settings(source))) == prints(first)


@pytest.mark.parametrize(
    "change",
    [
        {"text_rule": "nvidia"},
        {"invalid_utf8": "replace"},
        {"split": (1, 1, 1)},
        {"split_seed": 1},
        {"shard_bytes": 8192},
        {"text_key": "body"},
    ],
)
def test_each_setting_has_shards_of_its_own(source, change):
    first = prepare(settings(source))["train"].folder
    assert prepare(settings(source, **change))["train"].folder != first


def test_changed_source_is_prepared_anew(source):
    prepare(settings(source))
    source.write_text("other text\n")
    assert texts(prepare(settings(source))["train"]) == ["other text"]


def test_own_splits_are_used(tmp_path):
    for name in ("train", "valid", "test"):
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / "set" / f"{name}.txt").write_text(name)
    splits = prepare(settings(tmp_path / "set"))
    found = {name: texts(split) for name, split in splits.items()}
    assert found == {"train": ["train"], "val": ["valid"], "test": ["test"]}


def test_split_that_a_set_lacks_is_taken_from_its_training_text(tmp_path, source):
    (tmp_path / "set" / "train").mkdir(parents=True)
    (tmp_path / "set" / "test").mkdir()
    (tmp_path / "set" / "train" / "a.csv").write_text("text\n" + "\n".join(lines(200)))
    (tmp_path / "set" / "test" / "a.csv").write_text("text\ntested\n")
    splits = prepare(settings(tmp_path / "set", split=(80, 20, 20)))
    assert texts(splits["test"]) == ["tested"]
    assert splits["train"].num_samples + splits["val"].num_samples == 200
    assert 10 < splits["val"].num_samples < 80


def test_val_and_test_that_are_named_take_nothing_from_the_source(tmp_path, source):
    (tmp_path / "val.txt").write_text("validated")
    config = settings(source, val=str(tmp_path / "val.txt"), split=(2, 1, 1))
    splits = prepare(config)
    assert texts(splits["val"]) == ["validated"]
    assert splits["train"].num_samples + splits["test"].num_samples == COUNT
    assert splits["test"].num_samples > COUNT / 8


def test_source_of_one_sample_trains_and_has_no_other_split(tmp_path):
    (tmp_path / "a.txt").write_text("alone")
    for seed in range(5):
        config = settings(tmp_path / "a.txt", split=(1, 50, 50), split_seed=seed)
        splits = prepare(config)
        assert {name: texts(split) for name, split in splits.items()} == {
            "train": ["alone"]
        }


def test_empty_texts_are_dropped_and_counted(tmp_path):
    (tmp_path / "a.txt").write_text("one\n\n &nbsp; \ntwo\n")
    train = prepare(settings(tmp_path / "a.txt", split=(1, 0, 0)))["train"]
    assert texts(train) == ["one", "two"]
    assert train.index["dropped_empty"] == 2


def test_source_without_text_is_refused_and_leaves_nothing(tmp_path, cache):
    (tmp_path / "a.txt").write_text("\n \n")
    with pytest.raises(ValueError, match=r"no text is left for training \(2 were"):
        prepare(settings(tmp_path / "a.txt"))
    assert list((cache / "shards").iterdir()) == []


def test_fault_in_the_text_is_told_and_leaves_nothing(tmp_path, cache):
    content = "\n".join(json.dumps({"text": text}) for text in lines())
    (tmp_path / "a.jsonl").write_text(content + "\n{broken")
    with pytest.raises(ValueError, match=rf"a.jsonl, line {COUNT + 1}: broken json"):
        prepare(settings(tmp_path / "a.jsonl"))
    assert list((cache / "shards").iterdir()) == []


def test_half_surrogate_in_json_does_not_stop_a_preparation(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "a\\ud800b"}')
    assert texts(prepare(settings(tmp_path / "a.jsonl"))["train"]) == ["a?b"]


def test_folder_of_choice_holds_the_splits_and_nothing_else(source, tmp_path):
    splits = prepare(settings(source), tmp_path / "out")
    found = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert found == sorted(splits)
    suffixes = {path.suffix for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert suffixes == {".bin", ".idx", ".json"}
    assert not list(tmp_path.glob(".*"))


def test_folder_that_holds_something_else_is_left_alone(source, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("precious")
    with pytest.raises(ValueError, match="out holds something else; a new or an empty"):
        prepare(settings(source), tmp_path / "out")
    assert (tmp_path / "out" / "thesis.txt").read_text() == "precious"


def test_folder_with_shards_of_other_settings_is_left_alone(source, tmp_path):
    first = prepare(settings(source), tmp_path / "out")
    with pytest.raises(ValueError, match="out holds shards of other text or settings"):
        prepare(settings(source, text_rule="nvidia"), tmp_path / "out")
    assert prints(open_prepared(tmp_path / "out")) == prints(first)


def test_prepared_folder_is_used_as_it_is(source, tmp_path):
    first = prepare(settings(source), tmp_path / "out")
    again = prepare(settings(tmp_path / "out"))
    assert prints(again) == prints(first)
    assert again["train"].folder == tmp_path / "out" / "train"


def test_prepared_folder_takes_another_val(source, tmp_path):
    prepare(settings(source), tmp_path / "out")
    (tmp_path / "val.txt").write_text("one\ntwo\nthree\n")
    splits = prepare(settings(tmp_path / "out", val=str(tmp_path / "val.txt")))
    assert texts(splits["val"]) == ["one", "two", "three"]


def test_prepared_folder_of_another_rule_is_refused(source, tmp_path):
    prepare(settings(source, text_rule="nvidia"), tmp_path / "out")
    with pytest.raises(ValueError, match="give --data.text-rule nvidia"):
        prepare(settings(tmp_path / "out"))


def test_prepared_folder_is_a_source_of_texts(source, tmp_path):
    splits = prepare(settings(source), tmp_path / "out")
    opened = open_source(f"{tmp_path / 'out'}:val", DataConfig())
    found = [sample.text for sample in opened.samples()]
    assert found == texts(splits["val"])


def prepare_in_child(source, barrier, queue):
    barrier.wait()
    queue.put(prints(prepare(settings(source))))


def test_two_processes_at_once_get_the_same_shards(source, cache):
    context = multiprocessing.get_context("spawn")
    barrier, queue = context.Barrier(2), context.Queue()
    children = [
        context.Process(target=prepare_in_child, args=(source, barrier, queue))
        for _ in range(2)
    ]
    for child in children:
        child.start()
    found = [queue.get(timeout=60) for _ in children]
    for child in children:
        child.join()
    assert found[0] == found[1] == prints(prepare(settings(source)))
    assert len(list((cache / "shards").iterdir())) == 1


def test_folder_that_another_process_finished_meanwhile_is_taken(
    source, tmp_path, monkeypatch
):
    is_ready = shards._is_ready
    found = []

    def other_finishes(target, key):
        if found:
            return is_ready(target, key)
        found.append(is_ready(target, key))
        prepare(settings(source), tmp_path / "out")
        return found[0]

    monkeypatch.setattr(shards, "_is_ready", other_finishes)
    splits = prepare(settings(source), tmp_path / "out")
    assert found == [False]
    assert splits["train"].num_samples > 0
    assert not list(tmp_path.glob(".*"))


def test_old_leftover_of_a_dead_writer_is_removed_and_nothing_else(source, cache):
    folder = cache / "shards"
    names = {
        "old": f".{'a' * 64}.partial",
        "young": f".{'b' * 64}.partial",
        "other": ".something.partial",
        "final": "c" * 64,
    }
    for name in names.values():
        (folder / name).mkdir(parents=True)
    for name in ("old", "other", "final"):
        os.utime(folder / names[name], (0, 0))
    prepare(settings(source))
    left = {name for name in names if (folder / names[name]).exists()}
    assert left == {"young", "other", "final"}


def test_progress_is_told_in_samples_and_bytes(source):
    told = []
    text = "word " * 9
    source.write_text("\n".join([text] * 2500))
    prepare(settings(source), on_progress=lambda *each: told.append(each))
    # A cleaned text is two bytes longer: stripped by one, padded by three.
    assert told == [(1000, 47_000), (2000, 94_000)]
