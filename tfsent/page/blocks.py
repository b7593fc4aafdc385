"""The page itself, in gradio's blocks: what stands where and what calls what."""

from __future__ import annotations

from html import escape
from typing import Any

from tfsent.page.reading import STRONGEST, Reader

_FONTS = ["Segoe UI", "Roboto", "Helvetica Neue", "DejaVu Sans", "sans-serif"]
_MONO = ["Consolas", "Menlo", "DejaVu Sans Mono", "monospace"]

CSS = """
.gradio-container { max-width: 60rem !important; margin: 0 auto !important; }
.tfsent-row { display: flex; align-items: center; gap: .8rem; margin: .2rem 0; }
.tfsent-row span { flex: 0 0 7rem; overflow-wrap: anywhere; }
.tfsent-row meter { flex: 1 1 auto; height: 1.1rem; max-width: 26rem; }
.tfsent-row b { flex: 0 0 4rem; text-align: right; font-variant-numeric: tabular-nums; }
.tfsent-map { padding: 1rem; border-radius: .5rem; border: 1px solid #ddd; }
.tfsent-plain { white-space: pre-wrap; overflow-wrap: anywhere; }
.tfsent-error { color: #b00020; font-weight: 600; }
.tfsent-note { opacity: .7; }
"""


def make_page(reader: Reader, name: str) -> Any:
    """Return the page, a `gradio.Blocks`.

    Args:
        reader: What is behind it.
        name: Of the model; shown.
    """
    import gradio as gr

    with gr.Blocks(title="tfsent", analytics_enabled=False) as page:
        gr.Markdown("# What does the model make of your review?")
        gr.HTML(_about(reader, name))
        text = gr.Textbox(
            label="Review",
            info=f"Up to {reader.max_chars:,} characters; read while you type.",
            placeholder="Loved every minute of it ...",
            lines=4,
            max_lines=12,
            max_length=reader.max_chars,
            autofocus=True,
            elem_id="review",
        )
        said = gr.HTML(reader.read("")[0], elem_id="said")
        painted = gr.HTML(elem_id="painted")
        # Not `input`: gradio 6.31 tells it of key presses alone, so neither of a paste
        # nor of a deletion. While one text is read, of those since the last one waits.
        text.change(
            reader.read,
            text,
            [said, painted],
            trigger_mode="always_last",
            show_progress="hidden",
            **_SHARED,
        )
        if reader.writes:
            _add_writing(reader)
    return page


_SHARED: dict[str, Any] = {
    "api_visibility": "private",
    "concurrency_id": "model",  # One at a time, reading and writing together.
    "concurrency_limit": 1,
}


def _add_writing(reader: Reader) -> None:
    import gradio as gr

    has_neuron = reader.neuron is not None
    gr.Markdown("## Let it write")
    prompt = gr.Textbox(
        label="How the text begins",
        value="The film",
        max_length=reader.max_chars,
        elem_id="prompt",
    )
    with gr.Row(visible=has_neuron):
        pinned = gr.Checkbox(
            value=has_neuron,
            label="Hold the neuron",
            info="While it writes; the map below shows how it reads what it wrote.",
            scale=1,
        )
        sentiment = gr.Slider(
            -STRONGEST,
            STRONGEST,
            value=1.0,
            step=0.1,
            label="Sentiment",
            info="0 is where the neuron decides, 1 as positive as training texts get.",
            scale=3,
            elem_id="sentiment",
        )
    with gr.Row():
        length = gr.Slider(
            1,
            reader.max_length,
            value=min(200, reader.max_length),
            step=1,
            label="Length",
            info="Bytes",
        )
        temperature = gr.Slider(
            0.0, 2.0, value=0.7, step=0.05, label="Temperature", info="0: likeliest"
        )
        seed = gr.Number(
            value=0, precision=0, minimum=0, label="Seed", info="Any number"
        )
    button = gr.Button("Generate", variant="primary", elem_id="generate")
    written = gr.HTML(elem_id="written")
    button.click(
        reader.write,
        [prompt, length, pinned, sentiment, temperature, seed],
        written,
        trigger_mode="once",
        show_progress="minimal",
        **_SHARED,
    )


def _about(reader: Reader, name: str) -> str:
    neuron = reader.neuron
    line = f"Model {escape(name)}, {reader.model.model.config.hidden_size} units"
    if neuron is not None:
        line += f"; neuron {neuron.unit} is painted under the text"
    return f'<p class="tfsent-note">{line}. Texts stay on this server.</p>'


def theme() -> Any:
    """Return a theme that loads no font: those of the reader's system will do."""
    import gradio as gr

    return gr.themes.Base(
        primary_hue="violet", neutral_hue="slate", font=_FONTS, font_mono=_MONO
    )
