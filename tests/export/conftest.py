"""One model of random weights, and its export."""

import pytest

from tests.export.cases import classifier_of, make
from tfsent.export import (
    export_saved_model,
)


@pytest.fixture(scope="module")
def model():
    return make()


@pytest.fixture(scope="module")
def exported(model, tmp_path_factory):
    """Folder of an export with a classifier, and what was returned."""
    folder = tmp_path_factory.mktemp("exported") / "model"
    return folder, export_saved_model(model, folder, classifier_of(model))
