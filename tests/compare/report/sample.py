"""A results object with everything in it, made up: no figure was measured."""

import copy
import json
import math

from tests.compare.study.made_up import study_of

HOSTILE = "<script>alert(1)</script>"
"""A runner of this name fails, and so does what it writes."""


def sample():
    """Return a sound results object: three tasks, five runners, all states."""
    # Through JSON, so that no two places share one list.
    return json.loads(json.dumps(_comparison()))


def with_study():
    """Return the same with a study in it."""
    return sample() | {"study": study_of()}


def interval(median, width=0.03, n=15):
    return {
        "median": median,
        "low": median * (1 - width),
        "high": median * (1 + width),
        "n": n,
    }


def again(results, factor=1.0):
    """Return a second measurement, all rates of which differ by a factor."""
    other = copy.deepcopy(results)
    for entry in other["speed"]:
        for timing in entry["runners"].values():
            for key in ("bytes_per_s", "times_reference"):
                for end in ("median", "low", "high") if timing[key] else ():
                    timing[key][end] *= factor
    return other


def timing_of(rate, bytes_, times, **changed):
    """Return a timing that is ok."""
    turn = {"seconds": bytes_ / rate, "gemm_flop_per_s": 9.1e10}
    return {
        "status": "ok",
        "reason": None,
        "stderr": "",
        "gap": {"value": 3.2e-7, "tolerance": 1e-5, "what": "loss, relative"},
        "seconds": interval(bytes_ / rate),
        "bytes_per_s": interval(rate),
        "times_reference": interval(times),
        "of_gemm": interval(0.43),
        "gemm_flop_per_s": interval(9.1e10),
        "first_s": interval(2.5, 0.2, 3),
        "peak_resident_bytes": 812_000_000,
        "peak_device_bytes": None,
        "turns": [[turn] * 5] * 3,
    } | changed


def broken(status, reason, stderr=""):
    """Return a timing that is not ok."""
    return dict.fromkeys(timing_of(1, 1, 1)) | {
        "status": status,
        "reason": reason,
        "stderr": stderr,
        "turns": [],
    }


def entry_of(task, model, hidden_size, runners, **changed):
    cell = {
        "task": task,
        "model": model,
        "hidden_size": hidden_size,
        "layers": 1,
        "batch_size": None if task == "generate" else 32,
        "window": 64 if task == "train" else None,
        "precision": "float32",
        "devices": 1,
        "texts": "sst" if task == "featurize" else None,
    }
    key = f"{task}-{model}-h{hidden_size}-l1-float32-d1"
    return {
        "cell": cell | {"key": key},
        "skipped": None,
        "parameters": 1_234_567,
        "weight_bytes": 4_938_268,
        "flops": 3.1e9,
        "bytes": 2048,
        "reference": "torch",
        "runners": runners,
    } | changed


def _runners():
    def runner(what, **changed):
        return {
            "what": what,
            "absent": None,
            "device": "CPU",
            "threads": 2,
            "versions": {"numpy": "2.4.6"},
            "start_s": interval(4.2, 0.1, 3),
        } | changed

    gone = {"device": None, "threads": None, "versions": None, "start_s": None}
    missing = "its environment .venv-addons is missing; make addons makes it"
    return {
        "keras-tensorflow": runner(
            "this project's Keras layers and training step, XLA",
            versions={"tensorflow": "2.21.0", "keras": "3.15.1"},
        ),
        "keras-jax": runner("this project's Keras layers on JAX"),
        "torch": runner("the PyTorch twin", versions={"torch": "2.13.0"}),
        "addons": runner("TensorFlow 2.15 with addons", absent=missing, **gone),
        HOSTILE: runner("a runner | with `strange` *texts*\nand <b>two lines</b>"),
    }


def _speed():
    def runners(rate, times, bytes_=2048):
        return {
            "keras-tensorflow": timing_of(rate * times, bytes_, times),
            "torch": timing_of(rate, bytes_, 1.0),
        }

    wrong = {"value": 0.31, "tolerance": 1e-5, "what": "loss, relative"}
    first = runners(31_500, 1.31)
    first["keras-jax"] = timing_of(
        9e9, 2048, 3e5, status="invalid", reason="loss is 0.31 off", gap=wrong
    )
    first["addons"] = broken("absent", ".venv-addons is missing")
    first[HOSTILE] = broken(
        "failed",
        "ended with 139 | at once",
        "Traceback\n  <img src=x onerror=alert(1)>\n\x1b[31mred\x1b[0m </pre>"
        + "x" * 300,
    )
    return [
        entry_of("train", "mlstm+norm", 512, first),
        entry_of("train", "mlstm+norm", 1024, runners(11_200, 0.74)),
        entry_of("train", "lstm", 512, runners(9_100, 1.01)),
        entry_of("train", "gru", 4096, {}, skipped="needs 70 GB of 16 GB"),
        entry_of("featurize", "mlstm+norm", 512, runners(80_400, 0.93)),
        entry_of("generate", "mlstm+norm", 512, runners(812.5, 2.4)),
    ]


def _parity():
    def differences(size):
        return [size * (1 + math.sin(step)) * (step + 1) for step in range(64)]

    check = {"tolerance": 1e-5, "unit": "of the largest", "passed": True}
    return {
        "passed": True,
        "checks": [
            {"name": "logits", "value": 2e-7, "where": "byte 5"} | check,
            {"name": "gradients", "value": 0.0, "where": ""} | check,
        ],
        "steps": {
            "h of layer 0": [0.0, *differences(1e-9)],
            "c of layer 0": differences(3e-8),
            "logits": [None, *differences(1e-7)],
        },
        "gradients": {"layers/0/wh": 1.2e-6, "output/bias": 0.0},
    }


def _quality():
    def run(framework, seed, speed):
        sides = {"sst": (0.72, 1821), "imdb": (0.81, 25_000)}
        bpc = 1.71 + 0.01 * seed
        return {
            "framework": framework,
            "seed": seed,
            "test_bpc": bpc,
            "val_bpc": bpc - 0.02,
            "bytes_per_s": speed,
            "train_s": 4e7 / speed,
            "points": [
                {
                    "step": 100 * n,
                    "bytes": 204_800 * n,
                    "seconds": 204_800 * n / speed,
                    "val_bpc": bpc + 3 / (n + 1),
                }
                for n in range(1, 30)
            ],
            "transfer": {
                name: {
                    "accuracy": accuracy,
                    "interval": [accuracy - 0.02, accuracy + 0.02],
                    "texts": texts,
                    "feature": "hidden-mean",
                    "neuron_accuracy": accuracy - 0.09,
                }
                for name, (accuracy, texts) in sides.items()
            },
        }

    speeds = {"keras": 41_000, "twin": 32_000}
    return {
        "source": "runs/comparison",
        "model": {"cell": "mlstm", "hidden_size": 512},
        "steps": 20_000,
        "seeds": [1, 2],
        "runs": [run(name, seed, speeds[name]) for name in speeds for seed in (1, 2)],
        "time_to_bpc": [
            {"bpc": 2.0, "keras": interval(300.5), "twin": interval(401.25)},
            {"bpc": 1.5, "keras": None, "twin": None},
        ],
        "comparisons": [
            {
                "what": "test BPC",
                "unit": "bits a byte",
                "keras": 1.725,
                "twin": 1.724,
                "difference": 0.001,
                "interval": [-0.02, 0.022],
                "p": 0.81,
                "test": "paired bootstrap",
                "sentence": "Test BPC: a difference of 0.001 is no more than noise.",
            }
        ],
    }


def _comparison():
    return {
        "format": "tfsent-comparison",
        "format_version": 2,
        "provenance": {
            "date": "2026-01-02T03:04:05+00:00",
            "command": "python scripts/compare.py --preset cpu-quick",
            "versions": {"python": "3.11.7", "tensorflow": "2.21.0", "torch": "2.13.0"},
            "cpu": "A processor",
            "threads": 2,
            "load_average": [0.5, 0.25, 0.1],
            "system": "Linux",
            "memory_bytes": 16_000_000_000,
        },
        "preset": "cpu-quick",
        "settings": {"rounds": 5, "processes": 3},
        "runners": _runners(),
        "speed": _speed(),
        "parity": _parity(),
        "quality": _quality(),
        "study": None,
        "notes": ["Made up. # 1 & <all>"],
    }
