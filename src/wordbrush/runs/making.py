"""What an editor makes with its model: runs by complete settings, packed with their records."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from wordbrush.attention.batch import SOURCE
from wordbrush.attention.tape import SourceTape
from wordbrush.edits.settings import EditSettings
from wordbrush.inversion.settings import InversionSettings
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.maps.capture import Capture
from wordbrush.maps.request import MapsRequest
from wordbrush.models.load import ModelInfo
from wordbrush.pictures.fit import Fit, fit_into, fit_to, to_canvas
from wordbrush.pictures.read import Photo
from wordbrush.runs.cache import InversionCache
from wordbrush.runs.kept import PhotoTask, invert_or_recall
from wordbrush.runs.pack import packed_again, packed_edits, packed_photo, packed_result, packed_source
from wordbrush.runs.planned import Planned, plan
from wordbrush.runs.record import ModelRecord
from wordbrush.runs.results import EditResult, EditResults, Source
from wordbrush.runs.run import (
    Beside,
    look_again,
    run_again,
    run_along,
    run_edit,
    run_seeds,
    run_side_by_side,
    run_source,
    run_together,
    solver_of,
)
from wordbrush.sampling.adapter import Adapter
from wordbrush.sampling.loop import OnStep
from wordbrush.sampling.settings import GenerationSettings
from wordbrush.sampling.text_memory import TextMemory
from wordbrush.tokens.pair import Prompts
from wordbrush.tokens.prompt_tokens import PromptTokens


@dataclass(frozen=True, eq=False)
class Making:
    """One model, and what is made with it.

    `model` is how it was loaded; `recorded` looks at it as it is now, which takes time for a pipeline whose weights
    others may change, and is asked for by what records it. Settings are complete and were checked. `keep_bytes` is
    how much of a source's attention is kept for its edits.
    """

    adapter: Adapter
    model: ModelInfo
    recorded: Callable[[], ModelRecord]

    def planned(self, source: Source | GenerationSettings, edit: EditSettings) -> Planned:
        """An edit of a source, or of one that is yet to be made by its settings, before anything runs."""
        if isinstance(source, Source):
            return plan(self.adapter, source.settings, edit, source.kept.num_steps)
        return plan(self.adapter, source, edit, len(solver_of(self.adapter, source).timesteps))

    def generated(
        self,
        settings: GenerationSettings,
        keep_bytes: int = 0,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
    ) -> Source:
        """A picture from its seed."""
        prompt, solver = self.adapter.tokenize(settings.prompt), solver_of(self.adapter, settings)
        seen = self._capture(capture, settings, {SOURCE: prompt}, len(solver.timesteps))
        kept = run_source(
            self.adapter, settings, self._tape(keep_bytes), on_step, [seen.watch] if seen else (), solver
        )
        canvas, model = self.adapter.decode(kept.latents[-1]), self.recorded()
        return packed_source(canvas, settings, kept, model, keep_bytes, seen, solver.name, prompt.notes)

    def regenerated(self, source: Source, settings: GenerationSettings, on_step: OnStep | None = None) -> Source:
        """A picture by other settings from a source's noise: for a photograph, from what was found for it."""
        if source.record.photo is None:
            return self.generated(settings, on_step=on_step)
        kept = run_again(self.adapter, settings, source.kept, on_step)
        return packed_again(source, settings, kept, self.adapter.decode(kept.latents[-1]))

    def fit(self, photo: Photo, size: tuple[int, int] | None) -> Fit:
        """How a photograph lies in a canvas of `size` (height, width), or in one that suits both, it and the model.

        Raises `SettingsError` for a size of which the model makes no picture.
        """
        own_size = (photo.image.height, photo.image.width)
        if size is None:
            return fit_to(own_size, self.model.native_size, self.adapter.size_multiple)
        self.adapter.latent_size(*size)  # raises
        return fit_into(own_size, size)

    def inverted(
        self,
        photo: Photo,
        fit: Fit,
        settings: GenerationSettings,
        inversion: InversionSettings,
        keep_bytes: int,
        cache: InversionCache | None = None,
        on_step: OnStep | None = None,
    ) -> Source:
        """A source from a photograph, on the canvas that it fits."""
        task, model = PhotoTask(to_canvas(photo.image, fit), fit, settings, inversion), self.recorded()
        if model.guides is not None and model.guides.in_parts:
            inversion.build().check_guides_in_parts()
        made, said = invert_or_recall(self.adapter, model, task, cache, self._tape(keep_bytes), on_step)
        sampler = solver_of(self.adapter, settings).name
        return packed_photo(photo, task, made, model, keep_bytes, said, sampler)

    def edited(
        self, source: Source, settings: EditSettings, capture: MapsRequest | None = None, on_step: OnStep | None = None
    ) -> EditResults:
        """A source's edits."""
        prompts = Prompts.of(self.adapter.tokenize, source.prompt, settings.targets)
        targets = dict(enumerate(prompts.targets, start=SOURCE + 1))
        seen = self._capture(capture, source.settings, targets, source.kept.num_steps)
        watches = [seen.watch] if seen else ()
        run = run_edit(self.adapter, source.settings, settings, source.kept, on_step, watches, prompts, source.canvas)
        return packed_edits(self.adapter, source, settings, run, seen, together=False)

    def together(
        self,
        generation: GenerationSettings,
        settings: EditSettings,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
    ) -> EditResults:
        """A source and its edits in one batch."""
        prompts = Prompts.of(self.adapter.tokenize, generation.prompt, settings.targets)
        solver = solver_of(self.adapter, generation)
        branches = dict(enumerate((prompts.source, *prompts.targets), start=SOURCE))
        seen = self._capture(capture, generation, branches, len(solver.timesteps))
        watches = [seen.watch] if seen else ()
        kept, run = run_together(self.adapter, generation, settings, on_step, watches, prompts, solver)
        canvas, model = self.adapter.decode(kept.latents[-1]), self.recorded()
        source = packed_source(canvas, generation, kept, model, 0, seen, solver.name, prompts.source.notes, settings)
        return packed_edits(self.adapter, source, settings, run, seen, together=True)

    def seeds(
        self,
        generation: GenerationSettings,
        seeds: Sequence[int],
        settings: EditSettings,
        on_step: OnStep | None = None,
    ) -> list[EditResults]:
        """A source and its edits for each seed, in one batch."""
        made = run_seeds(self.adapter, generation, seeds, settings, on_step)
        name, model = solver_of(self.adapter, generation).name, self.recorded()
        notes = self.adapter.tokenize(generation.prompt).notes
        results = []
        for seed, (kept, run) in zip(seeds, made, strict=True):
            canvas, own = self.adapter.decode(kept.latents[-1]), replace(generation, seed=seed)
            source = packed_source(canvas, own, kept, model, 0, None, name, notes, settings)
            source = replace(source, record=replace(source.record, seeds=tuple(seeds)))
            results.append(packed_edits(self.adapter, source, settings, run, None, together=True))
        return results

    def side_by_side(
        self,
        asked: Sequence[tuple[GenerationSettings, EditSettings]],
        pictures: int,
        capture: MapsRequest | None = None,
        on_step: OnStep | None = None,
        texts: TextMemory | None = None,
    ) -> list[EditResults]:
        """Several sources, each with edits of its own, in one batch of a fixed size."""
        beside, captures = [], []
        for generation, settings in asked:
            prompts = Prompts.of(self.adapter.tokenize, generation.prompt, settings.targets)
            solver = solver_of(self.adapter, generation)
            branches = dict(enumerate((prompts.source, *prompts.targets), start=SOURCE))
            seen = self._capture(capture, generation, branches, len(solver.timesteps))
            planned = plan(self.adapter, generation, settings, len(solver.timesteps), prompts)
            beside.append(Beside(generation, solver, settings, planned, [seen.watch] if seen else ()))
            captures.append(seen)
        made = run_side_by_side(self.adapter, beside, pictures, on_step, texts)
        model = self.recorded()
        results = []
        for one, seen, (kept, run) in zip(beside, captures, made, strict=True):
            canvas, notes = self.adapter.decode(kept.latents[-1]), one.planned.prompts.source.notes
            source = packed_source(
                canvas, one.settings, kept, model, 0, seen, one.solver.name, notes, one.edit, pictures
            )
            results.append(packed_edits(self.adapter, source, one.edit, run, seen, together=True))
        return results

    def runs_beside_others(self, generation: GenerationSettings, edit: EditSettings) -> bool:
        """Whether a source and its edits may be two of those that run `side_by_side`."""
        if self.adapter.guidance.apart or generation.source_adapters is not None or edit.target_adapters is not None:
            return False
        return not self.planned(generation, edit).in_turn(edit.fast)

    def result_as_source(self, result: EditResult, keep_bytes: int, on_step: OnStep | None = None) -> Source:
        """An edit's result as the source of further ones."""
        assert result.record.edit is not None
        loras = result.record.edit.target_adapters
        settings = replace(result.source.settings, prompt=result.target, source_adapters=loras)
        steering = result.source.kept.steering
        kept = run_along(self.adapter, settings, result.way, steering, self._tape(keep_bytes), on_step)
        return packed_result(result, settings, kept, keep_bytes)

    def maps(self, made: Source | EditResult, request: MapsRequest, on_step: OnStep | None = None) -> AttentionMaps:
        """The maps of what was made: a source's from its kept attention, an edit's from another run of it."""
        source = made if isinstance(made, Source) else made.source
        branch, prompt = (SOURCE, made.prompt) if isinstance(made, Source) else (made.index + 1, made.target)
        seen = self._capture(request, source.settings, {branch: self.adapter.tokenize(prompt)}, source.kept.num_steps)
        assert seen is not None  # something is asked
        if isinstance(made, Source):
            look_again(self.adapter, made.settings, made.kept, seen.watch, on_step)
        else:
            assert made.record.edit is not None
            run_edit(self.adapter, source.settings, made.record.edit, source.kept, on_step, [seen.watch])
        maps = seen.maps(branch)
        assert maps is not None  # a word that is not in the prompt was refused above
        return maps

    def _capture(
        self,
        request: MapsRequest | None,
        settings: GenerationSettings,
        prompts: Mapping[int, PromptTokens],
        num_steps: int,
    ) -> Capture | None:
        if request is None:
            return None
        return Capture(self.adapter, request, settings, prompts, num_steps, self.model.name)

    def _tape(self, keep_bytes: int) -> SourceTape | None:
        return SourceTape(keep_bytes, self.model.defaults.self_replace_max_pixels) if keep_bytes else None
