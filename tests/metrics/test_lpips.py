"""LPIPS beside a SqueezeNet written layer by layer in torchvision's order, and the sum written out."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from wordbrush.errors import ModelError
from wordbrush.metrics.lpips import LINEAR, Lpips
from wordbrush.metrics.squeezenet import WIDTHS, SqueezeNet


class PlainFire(nn.Module):
    def __init__(self, channels, squeezed, expanded):
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeezed, 1)
        self.expand1x1 = nn.Conv2d(squeezed, expanded, 1)
        self.expand3x3 = nn.Conv2d(squeezed, expanded, 3, padding=1)

    def forward(self, x):
        x = torch.relu(self.squeeze(x))
        return torch.cat([torch.relu(self.expand1x1(x)), torch.relu(self.expand3x3(x))], 1)


def plain_features():
    def pool():
        return nn.MaxPool2d(3, stride=2, ceil_mode=True)

    layers = [nn.Conv2d(3, 64, 3, stride=2), nn.ReLU(), pool(), PlainFire(64, 16, 64), PlainFire(128, 16, 64)]
    layers += [pool(), PlainFire(128, 32, 128), PlainFire(256, 32, 128), pool()]
    layers += [PlainFire(256, 48, 192), PlainFire(384, 48, 192), PlainFire(384, 64, 256), PlainFire(512, 64, 256)]
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return SqueezeNet()


@pytest.fixture(scope="module")
def lpips(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "squeezenet1_1.safetensors"
    head = {"classifier.1.weight": torch.zeros(4, 512, 1, 1), "classifier.1.bias": torch.zeros(4)}
    save_file({**network.state_dict(), **head}, path)
    return Lpips.load(path)


@pytest.fixture(scope="module")
def pictures():
    return torch.rand(2, 1, 3, 70, 90, generator=torch.Generator().manual_seed(1))


def plain_maps(network, picture):
    twin = plain_features()
    twin.load_state_dict({name.removeprefix("features."): tensor for name, tensor in network.state_dict().items()})
    found, x = [], picture
    with torch.no_grad():
        for index, layer in enumerate(twin):
            x = layer(x)
            if index in (1, 4, 7, 9, 10, 11, 12):
                found.append(x)
    return found


def test_the_features_are_those_of_the_plain_network(network, pictures):
    with torch.no_grad():
        maps = network(pictures[0])
    for ours, plain, width in zip(maps, plain_maps(network, pictures[0]), WIDTHS, strict=True):
        assert ours.shape[1] == width
        assert torch.equal(ours, plain)


def test_the_distance_is_the_published_sum(network, lpips, pictures):
    shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
    seen = [((2 * p - 1) - shift.view(3, 1, 1)) / scale.view(3, 1, 1) for p in pictures]
    expected = 0.0
    linear = load_file(LINEAR)
    for index, (a, b) in enumerate(zip(*(plain_maps(network, x) for x in seen), strict=True)):
        a, b = (x / (x.pow(2).sum(1, keepdim=True) + 1e-8).sqrt() for x in (a, b))
        expected += torch.einsum("bchw,c->bhw", (a - b) ** 2, linear[f"linear.{index}"]).mean().item()
    assert lpips.distance(*pictures) == pytest.approx(expected, rel=1e-4)
    assert expected > 0


def test_equal_pictures_are_at_no_distance(lpips, pictures):
    assert lpips.distance(pictures[0], pictures[0]) == 0
    assert lpips.map(pictures[0], pictures[0]).abs().max() == 0


def test_the_map_is_near_to_the_distance_and_lies_where_pictures_differ(lpips, pictures):
    one = pictures[0]
    other = one.clone()
    other[..., :20, :20] = 1 - other[..., :20, :20]
    difference = lpips.map(one, other)
    assert difference.shape == (1, 70, 90)
    assert difference[0, :20, :20].mean() > 3 * difference[0, 50:, 60:].mean()
    assert difference.mean().item() == pytest.approx(lpips.distance(one, other), rel=0.3)


def test_the_shipped_channel_weights_are_whole():
    linear = load_file(LINEAR)
    assert [len(linear[f"linear.{index}"]) for index in range(7)] == list(WIDTHS)
    assert all((weights >= 0).all() for weights in linear.values())
    assert sum(weights.sum().item() for weights in linear.values()) == pytest.approx(173.4388, abs=1e-3)


def test_wrong_weights_are_refused(network, tmp_path):
    tensors = network.state_dict()
    with pytest.raises(ModelError, match="do not exist"):
        Lpips.load(tmp_path / "none.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"\x80\x04pickle")
    with pytest.raises(ModelError, match="cannot be read"):
        Lpips.load(tmp_path / "broken.safetensors")
    lacking = {name: tensor for name, tensor in tensors.items() if name != "features.7.squeeze.bias"}
    save_file(lacking, tmp_path / "lacking.safetensors")
    with pytest.raises(ModelError, match=r"have no tensor 'features\.7\.squeeze\.bias'"):
        Lpips.load(tmp_path / "lacking.safetensors")
    save_file({**tensors, "features.0.bias": torch.zeros(32)}, tmp_path / "wrong.safetensors")
    with pytest.raises(ModelError, match=r"is \[32\], not \[64\]"):
        Lpips.load(tmp_path / "wrong.safetensors")
