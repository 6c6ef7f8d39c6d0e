"""A network that tells decoded pictures from rendered ones, so that a decoder learns to draw edges and not their mean.

The mean error of pixels is least where an edge that may lie here or there is a soft slope. To a network that sees
patches such a slope is a give-away (adversarial loss on patches, Isola et al. 2017; in autoencoders, Esser et al.
2021). It also says what a patch looks like to it, which is held to the rendered picture's (Wang et al. 2018).
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

WIDTHS = (32, 64, 128)
LIKENESS_WEIGHT = 4.0
"""Of what patches look like, beside the verdict on them."""
SLOPE = 0.2


class Adversary(nn.Module):
    """From pictures (B, 3, h, w) in -1..1 to verdicts (B, 1, h / 8, w / 8): above 0 is taken for rendered."""

    def __init__(self) -> None:
        """Build it, untrained; no layer of it can amplify, so that its verdicts change slowly."""
        super().__init__()
        sides = (3, *WIDTHS)
        self.layers = nn.ModuleList(
            spectral_norm(nn.Conv2d(narrow, wide, 4, stride=2, padding=1))
            for narrow, wide in zip(sides, WIDTHS, strict=False)
        )
        self.head = spectral_norm(nn.Conv2d(WIDTHS[-1], 1, 3, padding=1))

    def forward(self, pictures: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Verdicts, and what each layer saw."""
        seen, x = [], pictures
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), SLOPE)
            seen.append(x)
        verdicts: Tensor = self.head(x)
        return verdicts, seen


def adversary_loss(adversary: Adversary, decoded: Tensor, rendered: Tensor) -> Tensor:
    """What it still takes for the other kind (hinge loss); `decoded` and `rendered` (B, 3, h, w) teach it alone."""
    verdicts, _ = adversary(torch.cat([decoded.detach(), rendered]))
    of_decoded, of_rendered = verdicts.float().chunk(2)
    return functional.relu(1 + of_decoded).mean() + functional.relu(1 - of_rendered).mean()


def give_away(adversary: Adversary, decoded: Tensor, rendered: Tensor) -> Tensor:
    """What gives `decoded` (B, 3, h, w) away beside the picture it should be; it teaches the decoder alone."""
    frozen = {name: value.detach() for name, value in _state(adversary).items()}
    verdicts, seen = functional_call(adversary, frozen, (decoded,))
    with torch.no_grad():
        _, wanted = functional_call(adversary, frozen, (rendered,))
    unlike = torch.stack([(ours - theirs).abs().float().mean() for ours, theirs in zip(seen, wanted, strict=True)])
    shown: Tensor = LIKENESS_WEIGHT * unlike.sum() - verdicts.float().mean()
    return shown


def balanced(decoded: Tensor, plain: Tensor, others: Tensor, share: float) -> Tensor:
    """A loss whose gradient at `decoded` is that of `plain` and that of `others`, the latter as long as `share` of
    the former (as the adaptive weight of Esser et al. 2021); its value is that of `plain`.
    """
    first = torch.autograd.grad(plain, decoded)[0]
    second = torch.autograd.grad(others, decoded)[0]
    gradient = first + share * first.norm() / second.norm().clamp(min=1e-12) * second
    pulled: Tensor = (decoded * gradient.detach()).sum()
    return pulled - pulled.detach() + plain.detach()


def _state(adversary: Adversary) -> Mapping[str, Tensor]:
    return dict(adversary.named_parameters()) | dict(adversary.named_buffers())
