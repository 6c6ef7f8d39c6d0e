"""The judge's network: a small residual backbone, all of whose stages contribute to each cell."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import ResNetBackbone, ResNetConfig

from wordbrush.scenes.judge.labels import NUM_LABELS

WIDTHS = [48, 96, 160, 256]
HEAD_WIDTH = 160


class JudgeNetwork(nn.Module):
    """From pictures (B, 3, 8 h, 8 w) in -1..1 to logits (B, labels, h, w)."""

    def __init__(self) -> None:
        """Build the network, untrained."""
        super().__init__()
        stages = ["stage1", "stage2", "stage3", "stage4"]
        self.backbone = ResNetBackbone(
            ResNetConfig(
                embedding_size=32, hidden_sizes=WIDTHS, depths=[1, 2, 2, 1], layer_type="basic", out_features=stages
            )
        )
        self.head = nn.Sequential(
            nn.Conv2d(sum(WIDTHS), HEAD_WIDTH, 1, bias=False),
            nn.BatchNorm2d(HEAD_WIDTH),
            nn.ReLU(),
            nn.Conv2d(HEAD_WIDTH, HEAD_WIDTH, 3, padding=1, bias=False),
            nn.BatchNorm2d(HEAD_WIDTH),
            nn.ReLU(),
            nn.Conv2d(HEAD_WIDTH, NUM_LABELS, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """What each cell of 8 x 8 pixels shows."""
        fine, *coarse = self.backbone(x).feature_maps
        near = functional.avg_pool2d(fine, 2)
        far = [
            functional.interpolate(stage, size=near.shape[-2:], mode="bilinear", align_corners=False)
            for stage in coarse
        ]
        logits: Tensor = self.head(torch.cat([near, *far], dim=1))
        return logits
