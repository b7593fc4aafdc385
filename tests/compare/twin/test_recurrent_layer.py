import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch.nn import init  # noqa: E402

from compare.twin.language_model import CELLS  # noqa: E402
from tests.tolerances import CELL_F32, ORTHOGONAL_F32  # noqa: E402

B, T, E, H = 2, 6, 3, 7
each = pytest.mark.parametrize("cell", CELLS)


def blocks_of(layer, weights):
    return [
        block.detach()
        for weight in weights
        for block in getattr(layer, weight.name).chunk(weight.blocks)
    ]


@each
def test_recurrent_blocks_may_start_otherwise_than_those_of_the_input(cell):
    layer = CELLS[cell](
        E,
        H,
        weight_norm=False,
        matrix_initializer=init.ones_,
        recurrent_initializer=init.eye_,
    )
    for block in blocks_of(layer, layer.inputs):
        assert torch.equal(block, torch.ones(H, E))
    for block in blocks_of(layer, layer.recurrent):
        assert torch.equal(block, torch.eye(H))


@each
def test_recurrent_blocks_start_as_those_of_the_input_unless_told(cell):
    layer = CELLS[cell](E, H, matrix_initializer=init.ones_)
    for block in blocks_of(layer, layer.recurrent):
        assert (block - 1).abs().max() < CELL_F32.value


@each
def test_every_recurrent_block_may_start_orthogonal_and_scaled(cell):
    torch.manual_seed(0)
    layer = CELLS[cell](
        E, H, recurrent_initializer=lambda w: init.orthogonal_(w, gain=1.1)
    )
    blocks = blocks_of(layer, layer.recurrent)
    for k, block in enumerate(blocks):
        error = (block.T @ block - 1.1**2 * torch.eye(H)).abs().max()
        assert error < ORTHOGONAL_F32.value
        assert all((block - other).abs().max() > 0.1 for other in blocks[:k])


@each
def test_to_read_backwards_is_to_read_the_text_turned_round(cell):
    layer = CELLS[cell](E, H)
    rng = np.random.default_rng(0)
    x_BTE = torch.from_numpy(rng.normal(size=(B, T, E)).astype("float32"))
    mask_BT = torch.tensor([[1, 1, 1, 1, 0, 0], [0, 1, 1, 0, 1, 1]]).bool()
    reset_BT = torch.tensor([[0, 0, 1, 0, 0, 0], [0, 0, 0, 0, 0, 1]]).bool()
    expected, last = layer(x_BTE.flip(1), None, reset_BT.flip(1), mask_BT.flip(1))
    layer.go_backwards = True
    found, also_last = layer(x_BTE, None, reset_BT, mask_BT)
    for one, other in zip((expected, *last), (found, *also_last), strict=True):
        assert torch.equal(one, other)


@each
def test_a_padded_text_read_backwards_is_its_words_read_backwards(cell):
    layer = CELLS[cell](E, H, go_backwards=True)
    x_BTE = torch.randn(B, T, E, generator=torch.Generator().manual_seed(0))
    mask_BT = torch.tensor([[1, 1, 1, 1, 0, 0], [0, 0, 0, 1, 1, 1]]).bool()
    h_BTH, _ = layer(x_BTE, mask_BT=mask_BT)
    for b in range(B):
        alone_1SH, _ = layer(x_BTE[b : b + 1, mask_BT[b]])
        together_SH = h_BTH[b, mask_BT[b].flip(0)]
        assert (together_SH - alone_1SH[0]).abs().max() <= CELL_F32.value
