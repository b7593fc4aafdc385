"""A signal is noted, told, and its handlers given back."""

import os
import signal

import pytest

from tfsent.training import StopRequest

BOTH = (signal.SIGTERM, signal.SIGINT)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)]
)
def test_signal_is_noted_with_its_exit_code_and_told_in_one_line(number, code, capsys):
    with StopRequest() as stop:
        assert (stop.signal, stop.exit_code) == (None, 0)
        os.kill(os.getpid(), number)
        assert (stop.signal, stop.exit_code) == (number, code)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{number.name}: stopping")


def test_after_the_first_signal_only_ctrl_c_ends_the_process_at_once(capsys):
    with StopRequest() as stop:
        os.kill(os.getpid(), signal.SIGTERM)
        assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.exit_code == 143
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("signalled", [False, True])
def test_handlers_are_given_back(signalled):
    before = [signal.getsignal(each) for each in BOTH]
    with StopRequest():
        assert signal.getsignal(signal.SIGTERM) != before[0]
        if signalled:
            os.kill(os.getpid(), signal.SIGTERM)
    assert [signal.getsignal(each) for each in BOTH] == before


def test_what_was_noted_is_known_afterwards():
    stop = StopRequest()
    with stop:
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.exit_code == 143
