"""How a command gets its editor: for one run from a name, or again from a record."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from wordbrush.cli.collector import resume_collecting
from wordbrush.cli.command import spelling
from wordbrush.cli.flags import LoadFlags, RunFlags
from wordbrush.cli.values import concept_file, lora_file, path
from wordbrush.errors import SettingsError
from wordbrush.files import check_writable

if TYPE_CHECKING:
    from wordbrush.editor import Editor, RunOptions
    from wordbrush.edits.lora_window import LoraWindow
    from wordbrush.edits.settings import EditOptions
    from wordbrush.runs.record import RunRecord
    from wordbrush.sampling.settings import GenerationOptions


def load_editor(model: str | None, device: str | None, dtype: str | None, *, keep_bytes: int = 1 << 30) -> "Editor":
    """An editor, in a process whose threads are as many as its model gains from."""
    from wordbrush.editor import Editor
    from wordbrush.models.processor import use_threads_for

    named = str(path("--model", model)) if model is not None and model.startswith("~") else model
    editor = Editor.from_pretrained(named, device, dtype, keep_bytes=keep_bytes)
    resume_collecting()
    if editor.model.folder is not None:
        use_threads_for(editor.model.folder)
    return editor


def load_for_runs(
    run: LoadFlags,
    *branches: "GenerationOptions | EditOptions",
    keep_bytes: int = 1 << 30,
) -> "Editor":
    """An editor with the LoRAs, concepts, IP-Adapter and guides that a command was given. A LoRA that the options of
    source or target name acts where they say, and nowhere else.

    Raises `SettingsError` for such a one whose scale is said twice, and for an option of another that is not given.
    """
    _check_together(run)
    named = {name for options in branches for name in named_loras_of(options)}
    concepts = [concept_file("--concept", value) for value in run.concept]
    loras = [lora_file("--lora", value) for value in run.lora]
    editor = load_editor(run.model, run.device, run.dtype, keep_bytes=keep_bytes)
    for file, word in concepts:
        editor.load_concept(file, word)
    for file, scale in loras:
        name = editor.load_lora(file, 1.0 if scale is None else scale)
        if name in named:
            if scale is not None:
                raise SettingsError(
                    f"--lora says the scale of '{name}', and so does the option that names it; write --lora {file}"
                )
            editor.scale_lora(name, 0)
    if run.layers is not None:
        editor.load_layers(run.layers)
    if run.ip_adapter is not None:
        editor.load_ip_adapter(run.ip_adapter, run.image_encoder)
    if run.control_image is not None or run.ip_adapter_image is not None:
        numbers = {name: value for name in _OF_CONTROL if (value := getattr(run, name)) is not None}
        editor.load_guides(
            control_image=run.control_image,
            ip_adapter_image=run.ip_adapter_image,
            ip_adapter_scale=run.ip_adapter_scale,
            **numbers,
        )
    return editor


_OF_CONTROL = ("controlnet_conditioning_scale", "control_guidance_start", "control_guidance_end")
"""How a control image acts."""
_OF_ANOTHER = {
    **dict.fromkeys(_OF_CONTROL, "control_image"),
    "ip_adapter": "ip_adapter_image",
    "ip_adapter_image": "ip_adapter",
    "ip_adapter_scale": "ip_adapter_image",
    "image_encoder": "ip_adapter",
}
"""Options that mean nothing without another."""


def _check_together(run: LoadFlags) -> None:
    for name, needed in _OF_ANOTHER.items():
        if getattr(run, name) is not None and getattr(run, needed) is None:
            one, other = spelling(LoadFlags, name), spelling(LoadFlags, needed)
            raise SettingsError(f"{one} goes with {other}, which is not given; give both")


def load_for_one_run(run: LoadFlags, *branches: "GenerationOptions | EditOptions") -> "Editor":
    """An editor whose sources keep nothing: nothing is edited again in this process."""
    return load_for_runs(run, *branches, keep_bytes=0)


def named_loras_of(options: "GenerationOptions | EditOptions | RunOptions") -> set[str]:
    """The LoRAs that the options of source or target name, which act there alone."""
    given = cast("dict[str, Any]", options)
    windows: tuple[LoraWindow, ...] = (*(given.get("source_adapters") or ()), *(given.get("target_adapters") or ()))
    return {window.name for window in windows}


@dataclass(frozen=True)
class Recorded:
    """A record and an editor of its model; `elsewhere` is what it computes on and in, if the record had another."""

    record: "RunRecord"
    editor: "Editor"
    elsewhere: str = ""


def load_recorded(file: Path, run: RunFlags) -> Recorded:
    """A record, and an editor of its model on its device, in its dtype, unless `run` names others.

    Its LoRAs, concepts and IP-Adapter are loaded from the files that `run` names, or from where the record says; the
    pictures that guided it are those that `run` names.

    Raises `SettingsError` when `run.out` is the record's own folder.
    """
    from wordbrush.runs.png import read_record

    record = read_record(file)
    if run.out.resolve() == file.resolve().parent:
        raise SettingsError(
            f"--out '{run.out}' is the folder of the record itself; give another, to keep what is there"
        )
    concepts = [concept_file("--concept", value) for value in run.concept]
    loras = [lora_file("--lora", value) for value in run.lora]
    if any(said is not None for _, said in (*concepts, *loras)):
        raise SettingsError("the record says each LoRA's scale and each concept's word; give their files alone")
    if run.layers is not None:
        raise SettingsError("the record says which layers were read; leave out --layers")
    for said in (*_OF_CONTROL, "ip_adapter_scale"):
        if getattr(run, said) is not None:
            raise SettingsError(f"the record says how it was guided; leave out {spelling(LoadFlags, said)}")
    check_writable(run.out)
    name = run.model or (None if record.model.name == "bundled" else record.model.name)
    made = record.model
    try:
        editor = load_editor(name, run.device or made.device, run.dtype or made.dtype, keep_bytes=0)
    except SettingsError as error:
        if run.device is None and "device" in str(error):
            raise SettingsError(
                f"the record was made on '{made.device}', which this machine does not have; give --device cpu, "
                "with which the pixels may differ"
            ) from None
        raise
    beside = [place for place in (run.ip_adapter, run.image_encoder) if place is not None]
    editor.load_recorded(
        record,
        [*(file for file, _ in (*concepts, *loras)), *beside],
        control_image=run.control_image,
        ip_adapter_image=run.ip_adapter_image,
    )
    here = editor.model
    same = (here.device, here.dtype) == (made.device, made.dtype)
    return Recorded(record, editor, "" if same else f"{here.dtype} on {here.device}")
