"""The editor at work for all sessions: it makes pictures, and keeps the insides of their sources in a budget."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any, cast

from PIL.Image import Image

from wordbrush.editor import Editor
from wordbrush.edits.settings import EditOptions
from wordbrush.edits.strength import AUTO
from wordbrush.errors import SettingsError
from wordbrush.inversion.settings import InversionSettings
from wordbrush.maps.attention_maps import AttentionMaps
from wordbrush.maps.request import MapsRequest
from wordbrush.pictures.fit import from_canvas
from wordbrush.pictures.read import read_photo
from wordbrush.pictures.save import plain_png_bytes
from wordbrush.runs.png import png_bytes
from wordbrush.runs.results import EditResult, Source
from wordbrush.sampling.loop import OnStep
from wordbrush.sampling.settings import GenerationOptions
from wordbrush.server import wire
from wordbrush.server.budget import ByteBudget
from wordbrush.server.candidate import SearchSteps
from wordbrush.server.job import Job
from wordbrush.server.picture import Picture
from wordbrush.server.problems import Problem
from wordbrush.server.shelf import Shelf

MAX_STEPS = 250
"""Denoising steps of one request: a server is shared."""
MAX_PIXELS = 2048 * 2048


class Studio:
    """Makes, edits and looks at pictures. Work is done in the thread of the jobs, and raises `WordbrushError`."""

    def __init__(self, editor: Editor, shelf: Shelf, source_bytes: int) -> None:
        """Work with `editor`; `source_bytes` is how much of the sources' attention and latents is kept."""
        self.editor = editor
        self.shelf = shelf
        self._insides = ByteBudget[tuple[str, str], Source | EditResult](source_bytes)

    def work(self, job: Job) -> list[str]:
        """Do a job. Returns the id of its picture, which is the job's own: done again, it makes no second one.

        Raises what the editor raises.
        """
        kinds: Mapping[str, Callable[[Job, Any], Picture]] = {
            "generate": self._generate,
            "invert": self._invert,
            "edit": self._edit,
        }
        made = kinds[job.kind](job, job.request)
        origin = made.source or made.photo
        if origin is not None:
            self.shelf.get(job.session, origin)  # it may have been removed meanwhile
        return [self.shelf.put(job.session, made)]

    def forget(self, session: str, id_: str) -> None:
        """Let go of a picture and of what was made of it, insides and all; from any thread. Raises `Problem` 404."""
        for gone in self.shelf.drop(session, id_):
            self._insides.drop((session, gone))

    def _generate(self, job: Job, request: wire.GenerateRequest) -> Picture:
        """Draw a picture."""
        options = _checked(wire.given(request.options))
        on_step = self.editor.previews(job.show, on_step=job.on_step)
        source = self.editor.generate(request.prompt, capture=MapsRequest(), on_step=on_step, **options)
        return self._picture(job, source, source.maps, {"generate": request.model_dump(exclude_none=True)})

    def _invert(self, job: Job, request: wire.InvertRequest) -> Picture:
        """Make a source of a photograph."""
        picture = self.shelf.get(job.session, request.picture)
        options = _checked(wire.given(request.options))
        if "sampler" in options:
            raise SettingsError("a photograph is inverted by its method's own sampler; leave out sampler")
        method = request.method or self.editor.model.defaults.inversion
        request = request.model_copy(update={"method": method})
        inversion = InversionSettings.parse(method, request.settings)
        given: Mapping[str, Any] = options
        source = self.editor.invert(picture.data, request.prompt, method=inversion, on_step=job.on_step, **given)
        maps = self.editor.maps(source, on_step=job.on_step)
        made = {"invert": request.model_dump(exclude_none=True)}
        return self._picture(job, source, maps, made, photo=request.picture)

    def _edit(self, job: Job, request: wire.EditRequest) -> Picture:
        """Edit a source, or an edit further."""
        shown = self.shelf.get(job.session, request.source)
        options = cast(EditOptions, wire.given(request.options))
        if request.mask is not None:
            options["mask"] = read_mask_picture(self.shelf.get(job.session, request.mask))
        source = self._source(job.session, shown, job.on_step)
        shape = partial(_shaped, source)
        previews = self.editor.previews(
            lambda picture: job.show(shape(picture)),
            on_step=job.on_step,
            each=lambda pictures: job.candidates.show([shape(picture) for picture in pictures]),
        )
        on_step = SearchSteps(previews, job.candidates)
        found: tuple[str, ...] = ()
        if options.get("strength") == AUTO:
            search = self.editor.find_strength(source, request.target, on_step=on_step, **options)
            found, best = (str(search),), search.best.edit
            options |= EditOptions(strength=best.strength, recipe=best.recipe)
            given = {**wire.given(request.options), "strength": best.strength, "recipe": best.recipe}
            request = request.model_copy(update={"options": wire.EditFields(**given)})  # an edit like any other
        result = self.editor.edit(source, request.target, capture=MapsRequest(), on_step=on_step, **options)
        record = result.record
        recipe = record.edit.describe() if record.edit is not None else ()
        self._keep_insides(job.session, job.id, _without_attention(result))
        return Picture(
            id=job.id,
            kind="edit",
            data=png_bytes(result.image, record, result.index),
            media_type="image/png",
            width=result.image.width,
            height=result.image.height,
            request={"edit": request.model_dump(exclude_none=True)},
            record=record,
            source=shown.id,
            photo=shown.photo,
            maps=result.maps,
            mask=None if result.blend_mask is None else plain_png_bytes(result.blend_mask),
            said=(*found, *recipe, *record.acted[result.index], *record.warnings),
        )

    def _picture(
        self,
        job: Job,
        source: Source,
        maps: AttentionMaps | None,
        request: Mapping[str, object],
        photo: str | None = None,
    ) -> Picture:
        report = () if source.report is None else (str(source.report.reconstruction), *source.report.warnings)
        self._keep_insides(job.session, job.id, replace(source, maps=None))
        return Picture(
            id=job.id,
            kind="source",
            data=png_bytes(source.image, source.record, None),
            media_type="image/png",
            width=source.image.width,
            height=source.image.height,
            request=request,
            record=source.record,
            photo=photo,
            maps=maps,
            said=(*source.notes, *report, *source.record.warnings),
        )

    def _keep_insides(self, session: str, id_: str, made: Source | EditResult) -> None:
        self._insides.put((session, id_), made, _bytes(made))

    def _source(self, session: str, picture: Picture, on_step: OnStep) -> Source:
        """A source whose insides are here; made once more where they were let go. An edit becomes one."""
        made = self._insides.get((session, picture.id)) or self._made_again(session, picture, on_step)
        source = self.editor.as_source(made, on_step=on_step) if isinstance(made, EditResult) else made
        if source is not made or self._insides.get((session, picture.id)) is None:
            self._keep_insides(session, picture.id, source)
        return source

    def _made_again(self, session: str, picture: Picture, on_step: OnStep) -> Source | EditResult:
        if picture.record is None:
            raise Problem(422, "an upload cannot be edited; invert it, and name the id of what that makes as source")
        photo = None if picture.photo is None else self.shelf.get(session, picture.photo).data
        made = self.editor.replay(picture.record, photo=photo, on_step=on_step)
        return made if isinstance(made, Source) else made[0]


def _shaped(source: Source, canvas: Image) -> Image:
    """A picture of the model's size in the shape of its source: of a photograph without what pads it."""
    return canvas if source.fit is None else from_canvas(canvas, source.fit)


def read_mask_picture(picture: Picture) -> Image:
    """An uploaded picture as a mask: what is light in it may change."""
    return read_photo(picture.data).image.convert("L")


def _checked(options: dict[str, Any]) -> GenerationOptions:
    steps, size = options.get("num_inference_steps"), options.get("size")
    if steps is not None and steps > MAX_STEPS:
        raise SettingsError(f"num_inference_steps is {steps}; this server takes {MAX_STEPS} at most")
    if size is not None and size[0] * size[1] > MAX_PIXELS:
        raise SettingsError(f"size is {size[0]}x{size[1]}; this server draws {MAX_PIXELS} pixels at most")
    return cast(GenerationOptions, options)


def _without_attention(result: EditResult) -> EditResult:
    """A result with what makes it a source, and nothing that its own source alone needs."""
    source = result.source
    kept = replace(source.kept, tape=None, latents=source.kept.latents[-1:])
    return replace(result, source=replace(source, kept=kept, maps=None), maps=None, blend_masks=None)


def _bytes(made: Source | EditResult) -> int:
    """What the insides of a picture take, as far as they grow with its size."""
    source, way = (made, made.kept.latents) if isinstance(made, Source) else (made.source, made.way)
    tape = source.kept.tape
    pictures = 3 * source.canvas.width * source.canvas.height * (2 if source.photo is None else 6)
    held = [*way, *source.kept.steering.tensors().values()]
    return sum(tensor.nbytes for tensor in held) + pictures + (0 if tape is None else tape.bytes)
