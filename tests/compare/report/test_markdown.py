"""markdown: everything measured is in it, and a text stays a text."""

from compare.report import markdown
from compare.report.markdown import to_markdown
from compare.report.ratios import ratios
from compare.report.tables import Cell, Section, figure
from tests.compare.report.sample import HOSTILE, sample


def row_of(text, *words):
    """Return the one line of a table that holds all words, as cells."""
    lines = [
        x for x in text.splitlines() if x[:1] == "|" and all(w in x for w in words)
    ]
    assert len(lines) == 1
    return [cell.strip() for cell in lines[0].replace("\\|", "!").split("|")[1:-1]]


def section_of(text, title):
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def test_header_tells_machine_versions_and_command():
    text = markdown(sample())
    assert row_of(text, "| processor |")[1] == "A processor"
    assert row_of(text, "| memory |")[1] == "16 GB"
    assert "compare.py --preset cpu-quick" in row_of(text, "| command |")[1]
    assert "tensorflow 2.21.0, torch 2.13.0" in row_of(text, "| versions | p")[1]


def test_a_timing_has_its_figures_with_intervals():
    cells = row_of(
        section_of(markdown(sample()), "Speed of training"), "h1024", "keras"
    )
    assert cells == [
        "mlstm+norm-h1024-l1-float32-d1",
        "keras-tensorflow",
        "",
        "8,290 (8,040 to 8,540)",
        "0.74 (0.718 to 0.762)",
        "43 % (41.7 to 44.3)",
        "2.5 (2 to 3)",
        "812",
        "3.2e-07 (1e-05)",
        "15",
    ]


def test_what_is_not_ok_is_marked_with_its_reason_and_has_no_time():
    text = section_of(markdown(sample()), "Speed of training")
    for status, word in (
        ("invalid", "loss is 0.31 off"),
        ("absent", "addons is missing"),
        ("failed", "139 ! at once"),
        ("skipped", "70 GB"),
    ):
        cells = row_of(text, f"**{status}:")
        assert word in cells[2]
        assert cells[3:6] == [""] * 3
    assert "9,000,000,000" not in text


def test_an_absent_runner_is_listed_with_its_reason():
    cells = row_of(section_of(markdown(sample()), "Runners"), "| addons |")
    assert cells[2] == (
        "**absent: its environment .venv-addons is missing; make addons makes it**"
    )


def test_ratio_stands_beside_its_interval_for_each_cell_with_both():
    text = section_of(markdown(sample()), "keras-tensorflow : torch")
    assert row_of(text, "train-mlstm+norm-h512")[3:] == [
        "1.31 (1.27 to 1.35)",
        "keras-tensorflow",
    ]
    assert row_of(text, "h1024")[3:] == ["0.74 (0.718 to 0.762)", "torch"]
    assert row_of(text, "lstm-h512-l1", "no difference shown")
    assert len(ratios(sample())) == 5


def test_ratio_is_turned_round_where_keras_is_the_reference():
    found = sample()
    entry = found["speed"][1]
    entry["reference"] = "keras-tensorflow"
    entry["runners"]["torch"]["times_reference"] = {
        "median": 2.0,
        "low": 1.6,
        "high": 2.5,
        "n": 15,
    }
    ratio = ratios(found)[1]
    assert ratio.interval == {"median": 0.5, "low": 0.4, "high": 0.625, "n": 15}
    assert ratio.faster() == "torch"


def test_without_either_as_the_reference_no_runner_is_called_faster():
    found = sample()
    entry = found["speed"][0]
    entry["reference"] = "keras-jax"
    ratio = ratios(found)[0]
    assert round(ratio.value, 6) == 1.31
    assert ratio.interval is None
    assert ratio.faster() == ""


def test_parity_and_quality_are_told():
    text = markdown(sample())
    assert "all 2 checks hold" in text
    assert row_of(text, "| logits |", "holds")[1:3] == ["2.0e-07", "1e-05"]
    assert row_of(text, "c of layer 0")[2:] == ["59", "64"]
    assert row_of(text, "| logits |", "not a number")[2] == "1"
    assert row_of(text, "test BPC", "paired")[3] == "0.001 (-0.02 to 0.022)"
    assert row_of(text, "| imdb | Keras | 2 |")[3] == "81 % (79 to 83)"
    assert row_of(text, "| 1.5 |", "not reached")[1:] == ["not reached"] * 2
    assert "- Test BPC: a difference of 0.001 is no more than noise." in text


def test_a_failed_check_is_the_first_thing_told():
    found = sample()
    found["parity"]["passed"] = found["parity"]["checks"][1]["passed"] = False
    found["parity"]["checks"][1]["value"] = None
    short = section_of(markdown(found), "In short")
    assert short.strip().startswith(
        "- NOT EQUAL: 1 of 2 checks fail. First: gradients, not a number, allowed 1e-05"
    )
    assert row_of(markdown(found), "| gradients |")[-1] == "**FAILS**"


def test_each_text_stays_what_it_is():
    text = markdown(sample())
    assert HOSTILE not in text
    assert "\\<script\\>alert(1)\\</script\\>" in text
    assert "a runner \\| with \\`strange\\` \\*texts\\* and \\<b\\>two lines" in text
    section = Section("x", text=["# no heading", "1. no item", "- nor this", "a\n\nb"])
    assert to_markdown([section]).split("\n\n")[1:] == [
        "\\# no heading",
        "1\\. no item",
        "\\- nor this",
        "a b\n",
    ]


def test_every_row_of_a_table_is_as_wide_as_its_head():
    lines = markdown(sample()).replace("\\|", "!").splitlines()
    width = 0
    for line in lines:
        width = (width or line.count("|")) if line[:1] == "|" else 0
        assert line.count("|") == width


def test_what_was_not_measured_is_left_out():
    found = sample() | {"parity": None, "quality": None, "speed": [], "notes": []}
    text = markdown(found)
    assert "Parity was not measured." in text
    assert "Quality was not measured." in text
    for title in ("Speed", "Parity", "Quality", "Notes"):
        assert f"\n## {title}" not in text


def test_a_lone_surrogate_and_control_characters_can_be_written():
    found = sample() | {"notes": ["\ud800 \x00 \x1b[31m"]}
    assert "\N{REPLACEMENT CHARACTER}" in markdown(found).encode("utf-8").decode()


def test_device_memory_has_a_column_where_there_is_any():
    found = sample()
    assert "peak MB of the device" not in markdown(found)
    found["speed"][4]["runners"]["torch"]["peak_device_bytes"] = 5_000_000
    text = section_of(markdown(found), "Speed of texts to features")
    assert row_of(text, "| torch |")[6:8] == ["812", "5"]


def test_a_single_figure_stands_without_an_interval():
    once = {"median": 2.0, "low": 2.0, "high": 2.0, "n": 1}
    assert figure(once) == Cell("2", 2.0)
    assert figure({**once, "n": 2}).more == "2 to 2"
