"""Every option of the command line that says how a picture is made or a photograph read, once, by the API's names."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

from wordbrush.cli.command import first_given, flag
from wordbrush.cli.values import lora_windows, picture_size, setting, window
from wordbrush.errors import SettingsError
from wordbrush.inversion.methods import FLOW_METHODS, METHODS
from wordbrush.sampling.settings import GenerationOptions, check_generation

if TYPE_CHECKING:
    from wordbrush.inversion.settings import InversionSettings
    from wordbrush.runs.cache import InversionCache

WORDS = "How strongly words and layout are held"
REGION = "Only a region may change"
SHAPE = "Shape and structure, by other methods"
PICTURE = "The picture"
PHOTO = "A photograph"
RUN = "Model and output"


Model = Annotated[str | None, flag("--model", help="Diffusers folder or hub id; else the bundled model.", group=RUN)]
Device = Annotated[str | None, flag("--device", help="cpu, cuda or mps; else the best there is.", group=RUN)]
Dtype = Annotated[str | None, flag("--dtype", help="float32, float16 or bfloat16; else the fastest.", group=RUN)]
Lora = Annotated[
    tuple[str, ...],
    flag("--lora", metavar="FILE[:SCALE]", help="A LoRA (safetensors), beside the model's weights.", group=RUN),
]
Concept = Annotated[
    tuple[str, ...],
    flag("--concept", metavar="[WORD=]FILE", help="A word of Textual Inversion (safetensors).", group=RUN),
]
Layers = Annotated[
    Path | None, flag("--layers", metavar="FILE", help="Which layers to read: what wordbrush probe wrote.", group=RUN)
]
ControlImage = Annotated[
    Path | None,
    flag("--control-image", metavar="FILE", help="A picture for the model's ControlNet to read.", group=RUN),
]
ControlScale = Annotated[
    float | None,
    flag("--controlnet-conditioning-scale", help="How strongly the ControlNet acts; 1 as it was trained.", group=RUN),
]
ControlStart = Annotated[
    float | None,
    flag("--control-guidance-start", help="The fraction of the steps from which the ControlNet acts; 0.", group=RUN),
]
ControlEnd = Annotated[
    float | None,
    flag("--control-guidance-end", help="The fraction of the steps up to which it acts; 1.", group=RUN),
]
IpAdapter = Annotated[
    Path | None,
    flag("--ip-adapter", metavar="FILE", help="An IP-Adapter (safetensors), beside the model's weights.", group=RUN),
]
IpAdapterImage = Annotated[
    Path | None,
    flag("--ip-adapter-image", metavar="PICTURE", help="A picture for the IP-Adapter to read.", group=RUN),
]
IpAdapterScale = Annotated[
    float | None,
    flag("--ip-adapter-scale", help="How strongly the IP-Adapter acts; 1 as it was trained.", group=RUN),
]
ImageEncoder = Annotated[
    Path | None,
    flag(
        "--image-encoder",
        metavar="FOLDER",
        help="The IP-Adapter's CLIP image encoder; else image_encoder in the model's folder, or beside the file.",
        group=RUN,
    ),
]
Out = Annotated[Path, flag("--out", help="Folder for what is made.", group=RUN)]
Quiet = Annotated[bool, flag("--quiet", help="Print only warnings and errors.", group=RUN)]
Steps = Annotated[
    int | None,
    flag("--num-inference-steps", "--steps", help="Denoising steps; else the model's default.", group=PICTURE),
]


@dataclass(frozen=True)
class LoadFlags:
    """Which model computes, where, and what is loaded beside it."""

    model: Model = None
    lora: Lora = ()
    concept: Concept = ()
    layers: Layers = None
    control_image: ControlImage = None
    controlnet_conditioning_scale: ControlScale = None
    control_guidance_start: ControlStart = None
    control_guidance_end: ControlEnd = None
    ip_adapter: IpAdapter = None
    ip_adapter_image: IpAdapterImage = None
    ip_adapter_scale: IpAdapterScale = None
    image_encoder: ImageEncoder = None
    device: Device = None
    dtype: Dtype = None


@dataclass(frozen=True)
class RunFlags(LoadFlags):
    """Where a command computes, and where it writes."""

    out: Out = Path("wordbrush-out")
    quiet: Quiet = False


@dataclass(frozen=True)
class PictureFlags:
    """The options of a generation but for its seed."""

    num_inference_steps: Steps = None
    guidance_scale: Annotated[
        float | None,
        flag(
            "--guidance-scale", "--guidance", help="How strongly the prompt guides; else the model's.", group=PICTURE
        ),
    ] = None
    guidance_interval: Annotated[
        str | None,
        flag(
            "--guidance-interval",
            metavar="F",
            help="Fraction of the steps that are guided, 0 to 1, or START..END; all others take half the time; all.",
            group=PICTURE,
        ),
    ] = None
    negative_prompt: Annotated[
        str, flag("--negative-prompt", "--negative", help="What the picture shall not show.", group=PICTURE)
    ] = ""
    sampler: Annotated[
        str | None,
        flag("--sampler", metavar="NAME", help="Sampler by name; own for the model's; else ddim.", group=PICTURE),
    ] = None
    size: Annotated[
        str | None,
        flag("--size", metavar="SIZE", help="Pixels: 512, or HEIGHTxWIDTH; else the model's.", group=PICTURE),
    ] = None

    def options(self) -> GenerationOptions:
        """The options of a generation that are given. Raises `SettingsError` for what no model can do."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        given["size"] = picture_size(self.size)
        given["source_adapters"] = lora_windows("--source-lora", given.get("source_adapters", ()))
        if self.guidance_interval is not None:
            given["guidance_interval"] = window("--guidance-interval", self.guidance_interval)
        options = cast(GenerationOptions, {name: value for name, value in given.items() if value is not None})
        check_generation(options)
        return options


@dataclass(frozen=True)
class DrawnFlags(PictureFlags):
    """Those, and what acts in a picture that is drawn."""

    source_adapters: Annotated[
        tuple[str, ...],
        flag(
            "--source-adapters",
            "--source-lora",
            metavar="NAME[:SCALE[@START..END]]",
            help="A --lora by its file's name that acts in the source; none for none. Else all that are not named.",
            group=PICTURE,
        ),
    ] = ()


@dataclass(frozen=True)
class GenerationFlags(DrawnFlags):
    """The options of a generation."""

    seed: Annotated[int, flag("--seed", help="What the noise is drawn from.", group=PICTURE)] = 0


@dataclass(frozen=True)
class PhotoFlags:
    """What a photograph shows, and how it is inverted."""

    prompt: Annotated[
        str | None, flag("--prompt", "--source-prompt", help="What the photo shows; else empty.", group=PHOTO)
    ] = None
    method: Annotated[
        str | None,
        flag(
            "--method",
            "--invert",
            metavar="METHOD",
            help=f"How it is inverted: {', '.join(METHODS)}, or {', '.join(FLOW_METHODS)}; else the model's.",
            group=PHOTO,
        ),
    ] = None
    setting: Annotated[
        tuple[str, ...], flag("--setting", metavar="NAME=VALUE", help="One of the method's settings.", group=PHOTO)
    ] = ()
    captioner: Annotated[
        Path | None, flag("--captioner", help="Folder of a BLIP model that says what the photo shows.", group=PHOTO)
    ] = None
    cache_dir: Annotated[
        Path | None, flag("--cache-dir", help="Where inversions are kept; else the platform's cache.", group=PHOTO)
    ] = None
    no_cache: Annotated[bool, flag("--no-cache", help="Keep no inversion, and take none.", group=PHOTO)] = False

    def given(self) -> str | None:
        """The first option that is given, as a message names it."""
        return first_given(self)

    def inversion(self) -> "tuple[InversionSettings | None, Mapping[str, int | float | str]]":
        """The method with its settings; where none is named, None and the settings for the model's own. Raises
        `SettingsError`.
        """
        from wordbrush.inversion.settings import InversionSettings

        parsed: dict[str, int | float | str] = {}
        for one in self.setting:
            name, equals, value = one.partition("=")
            name = name.strip().replace("-", "_")
            if not equals or not name.isidentifier() or name in parsed:
                raise SettingsError(f"--setting '{one:.60}' is not NAME=VALUE, once each; write --setting skip=0.36")
            parsed[name] = setting(value.strip())
        return (None, parsed) if self.method is None else (InversionSettings.parse(self.method, parsed), {})

    def cache(self) -> "InversionCache | None":
        """The cache, on unless it is turned off. Raises `SettingsError`."""
        from wordbrush.runs.cache import InversionCache

        if self.no_cache and self.cache_dir is not None:
            raise SettingsError("--no-cache and --cache-dir do not go together; give one of them")
        return None if self.no_cache else InversionCache(self.cache_dir)
