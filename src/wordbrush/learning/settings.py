"""How a word is learnt."""

from dataclasses import dataclass

from wordbrush.errors import SettingsError


@dataclass(frozen=True)
class LearnSettings:
    """How a word is learnt.

    word: how it is written in prompts, such as "<toy>".
    init: a word of the model that says what the thing is; its vectors are where learning begins.
    num_vectors: vectors of the word, each a token of the prompts. Default 4.
    lora: learn a LoRA of the U-Net beside them, with pictures of `init` by the model itself held as they are
        (DreamBooth, Ruiz et al. 2023, arXiv:2208.12242). Default False.
    steps: the most steps. Learning rates rise in the first twentieth of them and fall to 0 at the last. Default 400.
    batch_size: pictures a step. Default 4.
    learning_rate: of the vectors, in units of the root mean square of the model's own. Default 0.15, so that
        the word itself comes away from `init`: a LoRA alone learns the captions that it sees.
    lora_learning_rate: of the LoRA's matrices. Default 0.001.
    rank: of the LoRA. Default 16.
    seed: what all noise is drawn from, 0 or more. Default 0.

    Raises `SettingsError` for a number out of range.
    """

    word: str
    init: str
    num_vectors: int = 4
    lora: bool = False
    steps: int = 400
    batch_size: int = 4
    learning_rate: float = 0.15
    lora_learning_rate: float = 1e-3
    rank: int = 16
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name, most in (("num_vectors", 64), ("steps", 10**6), ("batch_size", 1024), ("rank", 1024)):
            if not 1 <= getattr(self, name) <= most:
                raise SettingsError(f"{name} is {getattr(self, name)}; give a whole number from 1 to {most}")
        for name in ("learning_rate", "lora_learning_rate"):
            if not 0 < getattr(self, name) < 10:
                raise SettingsError(f"{name} is {getattr(self, name)}; give a number above 0 and below 10")
        if not 0 <= self.seed < 2**63:
            raise SettingsError(f"seed is {self.seed}; give 0 to 2**63 - 1")
