"""Muon of our own against torch's, and what both promise."""

import pytest
import torch
from torch import Tensor

from oreo_agent.learn.muon import Muon, orthogonalised

SHAPES = pytest.mark.parametrize("shape", [(16, 16), (12, 40), (40, 12)])


def gradients(shape: tuple[int, int], steps: int) -> list[Tensor]:
    rng = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=rng) for _ in range(steps)]


def moved(optimiser: torch.optim.Optimizer, weight: Tensor, pulls: list[Tensor]) -> Tensor:
    for pull in pulls:
        weight.grad = pull.clone()
        optimiser.step()
    return weight.detach()


@SHAPES
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_it_moves_as_torchs_own_within_the_error_of_bfloat16(shape: tuple[int, int], decay: float):
    theirs = getattr(torch.optim, "Muon", None)
    if theirs is None:
        pytest.skip("this torch has no Muon to compare with; it came with torch 2.9")
    start = gradients(shape, 1)[0]
    pulls = gradients(shape, 6)
    ours, other = (torch.nn.Parameter(start.clone()) for _ in range(2))
    first = moved(Muon([ours], lr=0.02, weight_decay=decay), ours, pulls)
    second = moved(
        theirs([other], lr=0.02, weight_decay=decay, momentum=0.95, nesterov=True), other, pulls
    )
    assert float((first - start).norm()) > 0.1
    assert float((first - second).norm() / (second - start).norm()) < 0.02


@SHAPES
def test_an_update_is_nearly_orthogonal_whatever_the_gradients_size(shape: tuple[int, int]):
    matrix = gradients(shape, 1)[0]
    for size in (1e-4, 1.0, 1e4):
        singular = torch.linalg.svdvals(orthogonalised(matrix * size, iterations=10))
        assert 0.6 < float(singular.min()) <= float(singular.max()) < 1.3
    torch.testing.assert_close(orthogonalised(matrix.T), orthogonalised(matrix).T)
    assert orthogonalised(matrix.double()).dtype == torch.float64


def test_a_matrix_without_a_gradient_and_a_gradient_of_zero_move_nothing():
    weight, other = (torch.nn.Parameter(torch.ones(4, 4)) for _ in range(2))
    weight.grad = torch.zeros(4, 4)
    Muon([weight, other], lr=0.1).step()
    assert torch.equal(weight, torch.ones(4, 4))
    assert torch.equal(other, torch.ones(4, 4))


def test_momentum_goes_on_after_the_gradient_has_stopped():
    weight = torch.nn.Parameter(torch.zeros(4, 4))
    optimiser = Muon([weight], lr=0.1)
    (pull,) = gradients((4, 4), 1)
    first = moved(optimiser, weight, [pull]).clone()
    second = moved(optimiser, weight, [torch.zeros(4, 4)])
    torch.testing.assert_close(second, 2 * first, atol=1e-5, rtol=0)


def test_a_tall_matrix_moves_further_by_the_root_of_its_proportions():
    steps: list[float] = []
    for shape in ((8, 8), (32, 8)):
        weight = torch.nn.Parameter(torch.zeros(shape))
        change = moved(Muon([weight], lr=1.0), weight, gradients(shape, 1))
        steps.append(float(torch.linalg.svdvals(change).mean()))
    assert steps[1] / steps[0] == pytest.approx(2.0, rel=0.2)
