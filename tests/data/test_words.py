"""Ids of words: which words get one, what a text becomes, what a file holds."""

import collections
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tfsent.config_supervised import WordsConfig
from tfsent.data.shard_index import index_checksum
from tfsent.data.words import END, PAD, SPECIAL_WORDS, UNK, Tokenizer

CORPUS = [
    "the film was good",
    "The plot , the FILM",
    "good , good caf\u00e9 \U0001f600",
]
WORDS = st.sampled_from(["a", "b", "c", "dd", "!", "\u00e9"])
TEXTS = st.lists(st.lists(WORDS).map(" ".join), min_size=1)


def steady(max_examples=100):
    """Settings under which the same examples are tried, however slow the machine is."""
    return settings(
        max_examples=max_examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )


def make(texts=CORPUS, **given):
    return Tokenizer.fit(texts, WordsConfig(**given))


# Fitting


def test_frequent_words_come_first_and_of_equals_the_one_met_first():
    assert make().words[3:] == (
        *("the", "good", "film", ",", "was", "plot", "caf\u00e9", "\U0001f600"),
    )


@steady()
@given(TEXTS, st.integers(1, 3), st.integers(4, 9))
def test_words_are_the_most_frequent_ones_of_a_plain_count(texts, min_count, most):
    counts = collections.Counter(word for text in texts for word in text.split())
    first = [word for text in texts for word in text.split()]
    ranked = sorted(counts, key=lambda word: (-counts[word], first.index(word)))
    expected = [word for word in ranked if counts[word] >= min_count][: most - 3]
    config = WordsConfig(min_count=min_count, max_features=most)
    if expected:
        assert Tokenizer.fit(texts, config).words == (*SPECIAL_WORDS, *expected)
    else:
        with pytest.raises(ValueError, match="no word|words.min_count"):
            Tokenizer.fit(texts, config)


def test_special_ids_count_towards_max_features():
    tokenizer = make(max_features=5)
    assert tokenizer.num_words == 5
    assert tokenizer.words == ("<pad>", "<end>", "<unk>", "the", "good")


def test_no_text_splits_into_a_special_word():
    tokenizer = make(["<pad> <end> <unk> a"])
    ids = tokenizer.encode("<pad> <end> <unk>").tolist()
    assert min(ids) > UNK
    assert tokenizer.decode(ids) == ["<", "pad", ">", "<", "end", ">", "<", "unk", ">"]


def test_texts_are_read_once_and_whole_whatever_the_longest_length():
    tokenizer = make(iter(["a b c", "c d"]), max_length=2, too_long="drop")
    assert tokenizer.words[3:] == ("c", "a", "b", "d")


def test_characters_get_ids_where_they_are_the_unit():
    tokenizer = make(["Oh no"], unit="character")
    assert tokenizer.words[3:] == ("o", "h", " ", "n")
    assert tokenizer.decode(tokenizer.encode("hxo")) == ["h", "<unk>", "o"]


def test_capitals_get_ids_of_their_own_where_they_are_kept():
    assert make(["A a A"], lower=False).words[3:] == ("A", "a")


@pytest.mark.parametrize(
    ("texts", "settings", "told"),
    [
        ([], {}, "there is no text to take words from"),
        (["", " <br /> \n", "\x00"], {}, "no word in any of 3 texts"),
        (["b a", "a"], {"min_count": 3}, "words.min_count is 3, but .* 'a', comes 2"),
        ("a text", {}, "texts is one text"),
        (["a"], {"unit": "syllable"}, "words.unit is 'syllable'; word or character"),
    ],
)
def test_texts_that_give_no_word_are_refused(texts, settings, told):
    with pytest.raises(ValueError, match=told):
        make(texts, **settings)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"max_features": 3}, "words.max_features is 3; at least 4"),
        ({"min_count": 0}, "words.min_count is 0; at least 1"),
        ({"max_length": 0}, "words.max_length is 0; at least 1"),
        ({"max_length": 1, "end": True}, "words.max_length is 1; at least 2"),
    ],
)
def test_settings_that_cannot_work_are_refused_by_name(settings, told):
    with pytest.raises(ValueError, match=told):
        WordsConfig(**settings)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["<unk>", "<pad>", "a"], "begin with .*'<unk>'.*; .*'<pad>',. will"),
        (["<pad>", "<end>", "a"], "'<unk>' is not among the words"),
        ([*SPECIAL_WORDS], "there are 3 words"),
        ([*SPECIAL_WORDS, *"abcdefgh"], "there are 11 words.*max_features .10."),
        ([*SPECIAL_WORDS, "a", "b", "a"], "'a' is among the words twice"),
        ([*SPECIAL_WORDS, "<unk>"], "'<unk>' is among the words twice"),
        ([*SPECIAL_WORDS, ""], "'' is among the words"),
        ([*SPECIAL_WORDS, 7], "7 is among the words"),
    ],
)
def test_words_that_are_no_vocabulary_are_refused(words, told):
    with pytest.raises(ValueError, match=told):
        Tokenizer(WordsConfig(max_features=10), words)


def test_end_mark_is_asked_for_where_texts_end_with_it():
    words = ("<pad>", "<unk>", "a")
    assert Tokenizer(WordsConfig(), words).num_words == 3
    with pytest.raises(ValueError, match="'<end>' is not among the words"):
        Tokenizer(WordsConfig(end=True), words)


# Encoding


def test_special_words_of_a_published_vocabulary_keep_their_ids():
    words = ("<pad>", "<unk>", "CUSTOM_AT", "a", "<end>", "b")
    tokenizer = Tokenizer(WordsConfig(end=True), words)
    assert tokenizer.encode("b zzz a").tolist() == [5, 1, 3, 4]
    assert Tokenizer(WordsConfig(), words).encode(" ").tolist() == [1]


def test_a_text_becomes_ids_and_unknown_words_become_unk():
    ids = make(max_features=5).encode("The good, the bad")
    assert ids.dtype == np.int32
    assert ids.tolist() == [3, 4, UNK, 3, UNK]


@steady(50)
@given(TEXTS, st.lists(WORDS, min_size=1))
def test_decoding_gives_known_words_back(texts, words):
    tokenizer = make(["x", *texts])
    expected = [word if word in tokenizer.words else "<unk>" for word in words]
    assert tokenizer.decode(tokenizer.encode(" ".join(words))) == expected


def test_end_closes_every_text_where_it_is_asked_for():
    assert make(["a b"], end=True).encode("b a").tolist() == [4, 3, END]


@pytest.mark.parametrize("text", ["", "  ", "<br />", "\x00\u200b"])
def test_empty_text_is_end_alone_or_one_unknown_word(text):
    assert make(end=True).encode(text).tolist() == [END]
    assert make(end=False).encode(text).tolist() == [UNK]
    assert make(end=True, max_length=2, too_long="end").encode(text).tolist() == [END]


@pytest.mark.parametrize(
    ("settings", "ids"),
    [
        ({"too_long": "start"}, [3, 4, 5]),
        ({"too_long": "end"}, [5, 6, 7]),
        ({"too_long": "drop"}, [3, 4, 5, 6, 7]),
        ({"too_long": "start", "end": True}, [3, 4, END]),
        ({"too_long": "end", "end": True}, [6, 7, END]),
        ({"too_long": "drop", "end": True}, [3, 4, 5, 6, 7, END]),
    ],
)
def test_long_text_is_cut_to_its_start_or_its_end_or_read_whole(settings, ids):
    assert make(["a b c d e"], max_length=3, **settings).encode(
        "a b c d e"
    ).tolist() == (ids)


@steady()
@given(st.integers(0, 6), st.integers(2, 5), st.booleans())
def test_no_cut_text_is_longer_than_the_limit_nor_empty(count, limit, end):
    for too_long in ("start", "end"):
        tokenizer = make(["a"], max_length=limit, too_long=too_long, end=end)
        length = len(tokenizer.encode("a " * count))
        assert length == min(limit, max(1, count + end))


def test_training_leaves_out_longer_texts_where_they_are_to_be_dropped():
    texts = ["a", "a b c d", "a b", "a b c"]
    for too_long, rows in (("drop", [0, 2]), ("start", [0, 1, 2, 3])):
        tokenizer = make(texts, max_length=3, too_long=too_long, end=True)
        kept = tokenizer.training_rows([tokenizer.encode(text) for text in texts])
        assert kept.dtype == np.int64
        assert kept.tolist() == rows


def test_training_without_any_text_left_is_refused():
    tokenizer = make(["a b"], max_length=1, too_long="drop")
    ids = [tokenizer.encode("a b a"), tokenizer.encode("a b")]
    told = "words.max_length is 1 and .* none of 2 training texts; the shortest has 2"
    with pytest.raises(ValueError, match=told):
        tokenizer.training_rows(ids)


def test_padding_stands_for_no_word():
    ids = make().encode(" ".join([*CORPUS, "<pad>", "\x00"]))
    assert PAD not in ids


@pytest.mark.parametrize("index", [-1, 5])
def test_id_of_no_word_is_refused(index):
    with pytest.raises(ValueError, match=f"{index} is the id of no word; 0 to 4"):
        make(max_features=5).decode([3, index])


# On disk


@pytest.fixture
def saved(tmp_path):
    """A tokenizer with settings that are no defaults, and its file."""
    tokenizer = make(unit="word", max_features=9, end=True, max_length=7)
    tokenizer.save(tmp_path / "words.json")
    return tokenizer, tmp_path / "words.json"


def rewrite(path, change, checksum=True):
    """Change what a file says, with a checksum that holds."""
    facts = json.loads(path.read_text())
    change(facts)
    if checksum:
        facts["checksum"] = index_checksum(facts)
    path.write_text(json.dumps(facts))


def test_saved_tokenizer_comes_back_equal(saved):
    tokenizer, path = saved
    loaded = Tokenizer.load(path)
    assert loaded.config == tokenizer.config
    assert loaded.words == tokenizer.words
    assert loaded.fingerprint == tokenizer.fingerprint
    text = "caf\u00e9 the \U0001f600 bad"
    assert loaded.encode(text).tolist() == tokenizer.encode(text).tolist()
    assert [file.name for file in path.parent.iterdir()] == [path.name]


@steady(30)
@given(st.lists(st.text(), min_size=1), st.sampled_from(["word", "character"]))
def test_any_words_come_back_from_disk(tmp_path_factory, texts, unit):
    tokenizer = make(["a", *texts], unit=unit)
    path = tmp_path_factory.mktemp("words") / "words.json"
    tokenizer.save(path)
    assert Tokenizer.load(path).words == tokenizer.words


@steady()
@given(st.data())
def test_flipped_bit_is_refused_or_changes_nothing(saved, data):
    tokenizer, path = saved
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1))
    damaged = bytearray(content)
    damaged[place] ^= 1 << data.draw(st.integers(0, 7))
    changed = path.with_name("changed.json")
    changed.write_bytes(damaged)
    try:
        found = Tokenizer.load(changed).fingerprint
    except ValueError as error:
        found = str(error)
    assert found == tokenizer.fingerprint or found.startswith(f"{changed}: ")


def test_file_cut_short_anywhere_is_refused(saved):
    content = saved[1].read_bytes()
    for length in range(0, len(content) - 1, 7):
        saved[1].write_bytes(content[:length])
        with pytest.raises(ValueError, match="words.json: "):
            Tokenizer.load(saved[1])


def set_to(name, value):
    return lambda facts: facts.update({name: value})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (set_to("format_version", 2), "is of format_version 2; 1 is known here"),
        (set_to("format_version", True), "is of format_version True; 1 is"),
        (lambda facts: facts.pop("format_version"), "is of format_version None"),
        (set_to("format", "tfsent-index"), "holds no tokenizer"),
        (set_to("extra", 1), "is damaged or edited"),
        (lambda facts: facts.pop("config"), "is damaged or edited"),
        (set_to("words", "abcdef"), "holds no list of words"),
        (set_to("words", [*SPECIAL_WORDS, "a", "a"]), "'a' is among the words twice"),
        (set_to("words", [*SPECIAL_WORDS, ["a"]]), "is among the words"),
        (set_to("words", []), "the words begin with"),
        (set_to("config", {"unit": "byte"}), "words.unit is 'byte'"),
        (set_to("config", {"max_features": 3}), "words.max_features is 3"),
        (set_to("config", {"size": 3}), "words.size is not a setting"),
        (set_to("config", []), "words must be a JSON object"),
    ],
)
def test_file_that_says_what_cannot_be_is_refused_by_path(saved, change, told):
    rewrite(saved[1], change)
    with pytest.raises(ValueError, match=f"words.json: .*{told}"):
        Tokenizer.load(saved[1])


def test_word_edited_by_hand_is_refused(saved):
    rewrite(saved[1], lambda facts: facts["words"].__setitem__(3, "x"), checksum=False)
    with pytest.raises(ValueError, match="is damaged or edited"):
        Tokenizer.load(saved[1])


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[]", b"null", b"[" * 100_000, b'{"format": 1, "format": 2}'],
)
def test_file_of_anything_else_is_refused_by_path(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="other.json: "):
        Tokenizer.load(path)


def test_name_given_twice_is_refused(saved):
    text = saved[1].read_text()
    saved[1].write_text(text.replace('"words": [', '"words": [], "words": [', 1))
    with pytest.raises(ValueError, match="words.json: a name is given twice"):
        Tokenizer.load(saved[1])


def test_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        Tokenizer.load(tmp_path / "none.json")


def test_fingerprint_tells_settings_and_words_apart():
    made = [make(), make(end=True), make(max_features=6), make(["a"])]
    assert len({tokenizer.fingerprint for tokenizer in made}) == 4
    assert make().fingerprint == made[0].fingerprint


def test_words_do_not_depend_on_how_python_hashes_text():
    code = (
        "from tfsent.config_supervised import WordsConfig\n"
        "from tfsent.data.words import Tokenizer\n"
        f"tokenizer = Tokenizer.fit({CORPUS!r}, WordsConfig(max_features=8))\n"
        "print(tokenizer.fingerprint)"
    )
    printed = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout.decode()
        for seed in ("0", "1")
    }
    assert printed == {make(max_features=8).fingerprint + "\n"}
