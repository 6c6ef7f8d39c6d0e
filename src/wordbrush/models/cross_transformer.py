"""What PixArt and HunyuanDiT share: blocks that look at the picture and then at the text, and a diffusion schedule."""

from wordbrush.attention.sites import AttentionLayer
from wordbrush.models.intercept import attention_modules
from wordbrush.models.solvers import spaced_diffusion_solver
from wordbrush.models.transformer import Transformer
from wordbrush.sampling.solver import Solver


class CrossTransformer(Transformer):
    """An `Adapter` over a pipeline whose transformer has cross-attention and predicts noise, all at one resolution."""

    def solver(
        self, num_inference_steps: int, height: int, width: int, *, sampler: str | None = None, seed: int = 0
    ) -> Solver:
        """A fresh schedule, the same for every size; by default DDIM, which the published method is defined on."""
        return spaced_diffusion_solver(self._pipeline.scheduler, num_inference_steps, self.device, sampler, seed)

    def _layers(self, grid: tuple[int, int], tokens: int) -> tuple[AttentionLayer, ...]:
        heads = int(self.transformer.config["num_attention_heads"])
        return tuple(
            AttentionLayer.cross(name, heads, grid, tokens)
            if name.endswith(".attn2")
            else AttentionLayer.own(name, heads, grid)
            for name in attention_modules(self.transformer)
        )
