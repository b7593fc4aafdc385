"""An error of the system says which file it is about."""

import errno
import os
from pathlib import Path

import pytest

from tfsent.path_errors import naming

PATH = Path("final.bin")
FULL = (errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("always", [False, True])
def test_an_error_without_a_name_is_given_one(always):
    with pytest.raises(OSError, match="No space left") as told:
        with naming(PATH, always=always):
            raise OSError(*FULL)
    assert (told.value.errno, told.value.filename) == (errno.ENOSPC, "final.bin")


@pytest.mark.parametrize(("always", "name"), [(False, ".tmp"), (True, "final.bin")])
def test_the_name_that_the_system_gave_is_replaced_only_if_asked(always, name):
    with pytest.raises(OSError, match="No space left") as told:
        with naming(PATH, always=always):
            raise OSError(*FULL, ".tmp")
    assert told.value.filename == name


def test_an_error_of_arrow_keeps_its_text():
    with pytest.raises(OSError, match="Arrow says this.*final") as told:
        with naming(PATH):
            raise OSError("Arrow says this")
    assert told.value.filename == "final.bin"


def test_its_kind_is_kept():
    with pytest.raises(FileNotFoundError), naming(PATH, always=True):
        open("no such folder/at all")
