"""Learn a word from pictures: Textual Inversion (Gal et al. 2022, arXiv:2208.01618), and with it a DreamBooth LoRA.

The model's own weights stay as they are. What is learnt is written as files that other tools read.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
from PIL.Image import Image
from torch import Tensor

from wordbrush.errors import ModelError
from wordbrush.learning.captions import captions_of
from wordbrush.learning.examples import Examples, read_examples
from wordbrush.learning.fitting import Fitting
from wordbrush.learning.settings import LearnSettings
from wordbrush.learning.trainable import DenoiserLora, WordVectors, frozen
from wordbrush.models.adaptable import AdaptablePipeline
from wordbrush.models.load import ModelInfo
from wordbrush.models.training_noise import TrainingNoise
from wordbrush.runs.run import run_source
from wordbrush.sampling.loop import OnStep
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.sampling.text import Text

CHECK_EVERY = 50
"""Steps between two checks of the loss, which are also when the state is saved."""
_PATIENCE = 4
"""Checks without a gain after which learning stops."""
_GAIN = 0.002
"""What counts as a gain, as a fraction of the least loss so far."""
_CHECK_ROWS = 16
_PRIOR_PICTURES = 12
_PRIOR_PART = 4
"""For so many pictures of the thing a step sees one more, of the model's own: enough to hold those, at little cost."""
_RISING = 0.05
"""The part of the steps in which rates rise; then they fall to 0, in a line."""


@dataclass(frozen=True)
class Learnt:
    """What was learnt: the steps taken, the losses of the checks, whether it stopped early, and the files."""

    steps: int
    losses: tuple[float, ...]
    stopped_early: bool
    files: tuple[Path, ...]


@dataclass(frozen=True)
class Preview:
    """Pictures of the word as it is known after some steps."""

    step: int
    pictures: tuple[Image, ...]


def learn(
    loaded: AdaptablePipeline,
    model: ModelInfo,
    pictures: Sequence[Path],
    settings: LearnSettings,
    folder: Path,
    *,
    on_step: OnStep | None = None,
    on_preview: Callable[[Preview], None] | None = None,
) -> Learnt:
    """Learn a word from three pictures or more, in `folder`, where it goes on if it was broken off there.

    - `loaded`, `model`: what `load_pipeline` gave; the pipeline is as it was afterwards.
    - `on_step`: called after each step with the steps done and the most there are.
    - `on_preview`: given pictures of the word, four times on the way and at the end.

    Raises `ModelError` for a model that takes no concepts, `SettingsError` for a word, a picture or a folder that
    cannot be used, `PhotoError` for a file that is no picture.
    """
    if not loaded.word_encoders:
        raise ModelError(f"'{model.name}' takes no concepts; learn with a Stable Diffusion 1.x, 2.x or XL model")
    settings = replace(settings, word=settings.word.lower())
    learner = _Learner(loaded, model, settings)
    with learner.ready(pictures):
        return learner.run(folder, on_step, on_preview)


class _Learner:
    """One learning: its parts while it runs."""

    def __init__(self, loaded: AdaptablePipeline, model: ModelInfo, settings: LearnSettings) -> None:
        self._loaded = loaded
        self._model = model
        self._settings = settings
        self._noise = TrainingNoise(loaded.pipeline.scheduler.config)
        self._vectors = WordVectors(
            loaded.pipeline, loaded.word_encoders, settings.word, settings.init, settings.num_vectors
        )
        self._lora: DenoiserLora | None = None
        self._prior: Examples | None = None

    @contextmanager
    def ready(self, pictures: Sequence[Path]) -> Iterator[None]:
        """A scope in which the pipeline has the word, and the LoRA if one is learnt."""
        settings = self._settings
        with ExitStack() as stack:
            stack.enter_context(frozen(self._loaded.pipeline))
            self._loaded.put_word(settings.word, self._vectors.start)
            stack.callback(self._loaded.unload_concept, settings.word)
            native, vocabulary = self._model.native_size, self._model.vocabulary
            self._examples = read_examples(pictures, settings.word, self._loaded.adapter, native, vocabulary)
            vectors = {f"vectors{i}": v for i, v in enumerate(self._vectors.vectors)}
            groups = [(settings.learning_rate * self._scale(), vectors)]
            if settings.lora:
                self._prior = self._pictures_of_init()
                self._lora = DenoiserLora(self._loaded.pipeline, settings.rank)
                stack.callback(self._lora.remove)
                groups.append((settings.lora_learning_rate, self._lora.matrices))
            stack.enter_context(self._vectors.in_place())
            self._fitting = Fitting(groups, settings.seed, self._about(pictures), self._rate)
            yield

    def run(self, folder: Path, on_step: OnStep | None, on_preview: Callable[[Preview], None] | None) -> Learnt:
        """Fit until the last step, or until the loss no longer falls."""
        fitting, most, state = self._fitting, self._settings.steps, folder / "state.safetensors"
        fitting.restore(state)
        shown = {most * part // 4 for part in (1, 2, 3)}
        stopped = _has_settled(fitting.checks)
        while fitting.step < most and not stopped:
            fitting.fit(self._loss)
            if fitting.step % CHECK_EVERY == 0:
                fitting.checks.append(self._check())
                stopped = _has_settled(fitting.checks)
                fitting.save(state)
            try:
                if on_step is not None:
                    on_step(fitting.step, most)
            except BaseException:  # broken off between two steps, as an interruption does
                fitting.save(state)
                raise
            if on_preview is not None and fitting.step in shown:
                on_preview(self._preview())
        fitting.save(state)
        if on_preview is not None:
            on_preview(self._preview())
        return Learnt(fitting.step, tuple(fitting.checks), stopped, self._written(folder))

    def _loss(self, generator: torch.Generator) -> Tensor:
        """The loss of a batch: of the thing, and of the model's own pictures in the same call."""
        count = self._settings.batch_size
        clean, captions = self._examples.draw(count, generator)
        if self._prior is not None:
            held, named = self._prior.draw(max(1, count // _PRIOR_PART), generator)
            clean, captions = torch.cat([clean, held]), [*captions, *named]
        return self._error(clean, captions, generator)

    def _rate(self, step: int) -> float:
        """By what the learning rates are multiplied at a step."""
        most = self._settings.steps
        return min((step + 1) / (_RISING * most), 1.0) * (1 - step / most)

    def _error(self, clean: Tensor, captions: Sequence[str], generator: torch.Generator) -> Tensor:
        """How far the network is from what it should predict of noised latents (B, C, h, w), weighed by timestep."""
        timesteps = self._noise.timesteps(len(clean), generator)
        noise = torch.randn(clean.shape, generator=generator).to(clean)
        noised = self._noise.noised(clean, noise, timesteps)
        predicted = self._loaded.adapter.predict_with_gradient(
            noised, timesteps.to(clean.device), self._text(captions)
        )
        errors = (predicted.float() - self._noise.target(clean, noise, timesteps).float()).square().mean((1, 2, 3))
        return (errors * self._noise.weights(timesteps).to(errors)).mean()

    def _text(self, captions: Sequence[str]) -> Text:
        """What the encoders make of captions, with gradients."""
        pipeline, dtype = self._loaded.pipeline, self._loaded.adapter.dtype
        states, _, *pooled = pipeline.encode_prompt(
            list(captions), device=self._loaded.adapter.device, num_images_per_prompt=1,
            do_classifier_free_guidance=False,
        )  # fmt: skip
        return Text(states.to(dtype), pooled[0].to(dtype) if pooled else None)

    @torch.no_grad()
    def _check(self) -> float:
        """The loss of the same pictures with the same noise at every check."""
        generator = torch.Generator().manual_seed(self._settings.seed + 1)
        rounds = max(1, _CHECK_ROWS // self._settings.batch_size)
        draws = (self._examples.draw(self._settings.batch_size, generator) for _ in range(rounds))
        return sum(float(self._error(*drawn, generator)) for drawn in draws) / rounds

    def _preview(self) -> Preview:
        prompt = captions_of(self._settings.word, self._model.vocabulary)[0]
        return Preview(self._fitting.step, tuple(self._drawn(prompt, seed)[0] for seed in range(4)))

    def _pictures_of_init(self) -> Examples:
        """Pictures by the model as it is, that the LoRA is to leave alone."""
        ways = captions_of(self._settings.init, self._model.vocabulary)
        latents = [self._drawn(ways[0], seed)[1] for seed in range(1000, 1000 + _PRIOR_PICTURES)]
        return Examples(torch.cat(latents), (ways[:1],) * len(latents))

    def _drawn(self, prompt: str, seed: int) -> tuple[Image, Tensor]:
        adapter = self._loaded.adapter
        drawn = GenerationSettings.of(prompt, self._model.defaults, self._model.native_size, seed=seed)
        latents = run_source(adapter, drawn, None).latents[-1]
        return adapter.decode(latents), latents

    def _scale(self) -> float:
        """The root mean square of the model's own vectors."""
        names = self._loaded.word_encoders[0]
        weight: Tensor = getattr(self._loaded.pipeline, names.encoder).get_input_embeddings().weight
        return float(weight.detach().float().square().mean().sqrt())

    def _about(self, pictures: Sequence[Path]) -> object:
        digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in pictures]
        return {"settings": asdict(self._settings), "pictures": digests, "model": self._model.fingerprint}

    def _written(self, folder: Path) -> tuple[Path, ...]:
        name = "".join(letter for letter in self._settings.word if letter.isalnum() or letter in "-_") or "word"
        files = [folder / f"{name}.safetensors"]
        self._vectors.save(files[0])
        if self._lora is not None:
            files.append(folder / f"{name}-lora.safetensors")
            self._lora.save(files[1])
        return tuple(files)


def _has_settled(losses: Sequence[float]) -> bool:
    """Whether the last checks gained nothing on those before them.

    >>> _has_settled([3.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]), _has_settled([3.0, 2.0, 1.0])
    (True, False)
    """
    earlier, late = losses[:-_PATIENCE], losses[-_PATIENCE:]
    return bool(earlier) and min(late) > min(earlier) * (1 - _GAIN)
