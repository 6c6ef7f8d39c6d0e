"""The command line as a user meets it: what it writes, and one line for what it refuses."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from wordbrush.cli import app as cli
from wordbrush.editor import Editor
from wordbrush.errors import OutputError

FAST = ["--steps", "2"]
SWAP = ["edit", "a dog eating an apple", "a cat eating an apple"]


@pytest.fixture
def run(command_line, tiny_folder):
    """Run the command line with the tiny model, unless another is given."""

    def call(*arguments: str, model: Path | None = tiny_folder):
        return command_line(*arguments, *(["--model", str(model)] if model else []))

    return call


def test_edit_writes_source_edit_comparison_and_record(run, tmp_path):
    code, out, _, made = run(*SWAP, *FAST, "--out", "o")
    assert code == 0
    assert made == ["o/comparison.png", "o/edited.png", "o/record.json", "o/source.png"]
    assert "'dog' -> 'cat'" in out
    assert "o/edited.png" in out
    record = json.loads((tmp_path / "o/record.json").read_text())
    assert record["edit"]["targets"] == ["a cat eating an apple"]
    with Image.open(tmp_path / "o/edited.png") as image:
        assert json.loads(image.info["wordbrush"])["picture"] == 0
        assert image.info["parameters"].startswith("a cat eating an apple\nSteps: 2, Sampler: DDIM")


def test_several_targets_are_numbered(run):
    code, _, _, made = run(*SWAP, "a dog eating an orange", *FAST, "--out", "o", "--no-comparison")
    assert code == 0
    assert made == ["o/edited-1.png", "o/edited-2.png", "o/record.json", "o/source.png"]


def test_a_weight_alone_edits_the_source_itself(run):
    code, out, _, _ = run("edit", "a smiling bear", "--weight", "smiling=3", *FAST)
    assert code == 0
    assert "'smiling' x 3" in out


def test_quiet_says_nothing(run):
    assert run(*SWAP, *FAST, "--quiet")[:3] == (0, "", "")


def test_pictures_replay_bit_for_bit(run, tmp_path):
    run(*SWAP, *FAST, "--out", "first", "--no-comparison", "--cross-steps-for", "cat=0.5", "--weight", "apple=2")
    for carrier in ("record.json", "edited.png", "source.png"):
        code, out, _, _ = run("replay", f"first/{carrier}", "--out", "again", model=None)
        assert code == 0
        assert "bit for bit" in out
    for name in ("edited.png", "source.png"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.parametrize(
    ("hashes", "compared", "unknown"),
    [
        (lambda own: {}, None, "source, edited"),
        (lambda own: {"source": own["source"]}, "source", "edited"),
        (lambda own: {**own, "edited": ""}, "source", "edited"),
    ],
    ids=["none", "one", "an empty one"],
)
def test_what_was_not_compared_is_not_called_bit_for_bit(run, tmp_path, hashes, compared, unknown):
    run(*SWAP, *FAST, "--out", "first", "--no-comparison")
    path = tmp_path / "first" / "record.json"
    record = json.loads(path.read_text())
    path.write_text(json.dumps({**record, "image_sha256": hashes(record["image_sha256"])}))
    code, out, _, _ = run("replay", "first/record.json", "--out", "again", model=None)
    assert code == 0
    assert f"the record has no hash of {unknown}, which could not be compared" in out
    assert ("bit for bit" in out) == (compared is not None)
    if compared is not None:
        assert f"the pixels of {compared} are the recorded ones, bit for bit" in out


def test_a_blend_writes_its_mask_and_replays(run, tmp_path):
    blend = ["--blend", "dog, cat", "--blend-threshold", "0.7", "--blend-start", "0.5", "--hold-pixels"]
    blend += ["--blend-fill", "0.6"]
    code, out, err, made = run(*SWAP, *FAST, *blend, "--out", "first")
    assert (code, err.count("warning")) == (0, 0)
    assert made == [
        f"first/{name}" for name in ("comparison.png", "edited-mask.png", "edited.png", "record.json", "source.png")
    ]
    assert re.search(r"'dog' -> 'cat'; only where 'dog' or 'cat' is, \d+% of the picture", out)
    code, out, _, _ = run("replay", "first/edited.png", "--out", "again", model=None)
    assert code == 0
    assert "bit for bit" in out
    for name in ("edited.png", "edited-mask.png"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()
    code, _, _, _ = run(*SWAP, *FAST, "--mask", "first/edited-mask.png", "--out", "masked", "--no-comparison")
    assert code == 0
    with (
        Image.open(tmp_path / "first/edited-mask.png") as one,
        Image.open(tmp_path / "masked/edited-mask.png") as other,
    ):
        assert one.tobytes() == other.tobytes()
    (tmp_path / "first/edited-mask.png").unlink()
    code, out, _, _ = run("replay", "masked/record.json", "--out", "masked-again", model=None)
    assert code == 0, "the record holds the mask itself"


def test_several_targets_have_a_mask_each(run):
    blend = ["--blend", "auto", "--blend-subtract", "eating", "--blend-threshold", "0.5"]
    code, _, _, made = run(*SWAP, "a dog eating an orange", *FAST, *blend, "--out", "o", "--no-comparison")
    assert code == 0
    assert [name for name in made if "mask" in name] == ["o/edited-1-mask.png", "o/edited-2-mask.png"]


def test_a_blend_of_everything_is_warned_of(run):
    code, _, err, _ = run(*SWAP, *FAST, "--blend", "auto", "--blend-threshold", "0", "--no-comparison")
    assert code == 0
    assert "warning: the blend lets all of 'a cat eating an apple' change; raise its threshold" in err


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--mutual"], "shape free from step 0 of 2: self-attention reads the source in 3 layers"),
        (["--plug-and-play"], "structure held for 1 of 2 steps: the source's features in up_blocks.1.resnets.0"),
    ],
)
def test_methods_say_what_they_did_and_replay(run, options, line):
    code, out, _, _ = run("edit", "a dog", "a cat on a mat", *FAST, *options, "--out", "first", "--no-comparison")
    assert code == 0
    assert line in out
    code, out, _, _ = run("replay", "first/edited.png", "--out", "again", model=None)
    assert code == 0
    assert "bit for bit" in out


def test_generate(run):
    code, _, _, made = run("generate", "a dog", *FAST, "--out", "o", "--size", "32x48")
    assert code == 0
    assert made == ["o/record.json", "o/source.png"]


def test_the_bundled_model_edits_and_knows_its_words(run, tmp_path):
    code, _, err, _ = run("edit", "a puppy eating an apple", "a cat eating an apple", *FAST, "--out", "o", model=None)
    assert code == 0
    assert "warning: this model never saw the word 'puppy'; the nearest word it knows is 'dog'" in err
    with Image.open(tmp_path / "o/edited.png") as image:
        assert image.size == (128, 128)
        assert np.asarray(image).std() > 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*SWAP, "--weight", "horse=2"], "word 'horse' is not in the prompt 'a cat eating an apple'"),
        (["edit", "cat and cat", "dog and dog", "--weight", "dog=2"], "say 'dog[0]' or 'dog[1]'"),
        ([*SWAP, "--weight", "cat"], "--weight 'cat' is not WORD=NUMBER; write for example --weight red=2.0"),
        ([*SWAP, "--weight", "cat=nan"], "the weight of 'cat' is nan"),
        (["edit", "a dog " * 40, "a cat"], "would fall off, so shorten the prompt"),
        (["edit", "a dog", "a dog"], "source and target are both 'a dog'; change a word, or give a weight"),
        (["edit", "a dog"], "no TARGET prompt and no --weight"),
        ([*SWAP, "--cross-steps", "1.5"], "cross_replace_steps"),
        ([*SWAP, "--cross-steps-for", "cat=2"], "cross_replace_steps of 'cat'"),
        ([*SWAP, "--self-steps", "-0.1"], "self_replace_steps"),
        ([*SWAP, "--cross-steps", "0", "--self-steps", "0"], "select none of the"),
        ([*SWAP, "--steps", "0"], "num_inference_steps is 0; give 1 or more"),
        ([*SWAP, "--steps", "1000"], "this model takes 1 to 999"),
        ([*SWAP, "--blend", "horse"], "blend word 'horse' is in none of the prompts"),
        ([*SWAP, "--blend", "dog,,cat"], "--blend 'dog,,cat' is not WORD[,WORD]"),
        ([*SWAP, "--blend", "dog", "--blend-threshold", "1"], "threshold is 1.0; give a number from 0 to below 1"),
        ([*SWAP, "--blend", "dog", "--blend-start", "1"], "start_blend is 1.0"),
        ([*SWAP, "--blend-threshold", "0.3"], "--blend-threshold does nothing alone; add --blend WORD"),
        ([*SWAP, "--blend-start", "0.3"], "--blend-start does nothing alone; add --blend WORD or --mask FILE"),
        ([*SWAP, "--blend-subtract", "horse"], "blend word 'horse' is in none of the prompts"),
        ([*SWAP, "--mutual-start", "0.1"], "--mutual-start does nothing alone; add --mutual"),
        ([*SWAP, "--feature-steps", "0.1"], "--feature-steps does nothing alone; add --plug-and-play"),
        ([*SWAP, "--mutual", "--mutual-start", "2"], "the window of mutual self-attention is (2.0, 1.0)"),
        ([*SWAP, "--mutual", "--mutual-layer", "1"], "start_layer of mutual self-attention is 1.0"),
        ([*SWAP, "--mutual", "--mutual-start", "1"], "acts in no layer at any of the 2 steps"),
        ([*SWAP, "--plug-and-play", "--feature-steps", "-1"], "feature_replace_steps of Plug-and-Play is -1.0"),
        ([*SWAP, "--hold-pixels"], "--hold-pixels does nothing alone"),
        ([*SWAP, "--mask", "missing.png"], "the mask 'missing.png' cannot be read (No such file or directory)"),
        ([*SWAP, "--size", "-64"], "is not a size"),
        ([*SWAP, "--size", "big"], "--size 'big' is not a size"),
        ([*SWAP, "--size", "33"], "give a positive multiple of 2"),
        ([*SWAP, "--size", "999998"], "not enough memory for a picture of 999998 x 999998; give a smaller size"),
        ([*SWAP, "--guidance", "-1"], "guidance_scale is -1.0"),
        ([*SWAP, "--seed", "-1"], "seed is -1"),
        ([*SWAP, "--kind", "swap"], "give one of auto, replace, refine"),
        (["edit", "a dog", "a big dog", "--kind", "replace"], "use edit='auto'"),
        ([*SWAP, "--device", "tpu"], "device is 'tpu'"),
        ([*SWAP, "--dtype", "int4"], "dtype is 'int4'"),
        (["replay", "nowhere.json"], "cannot be read"),
    ],
)
def test_bad_input_is_one_line_and_changes_nothing(run, arguments, message):
    fast = [] if "--steps" in arguments or arguments[0] == "replay" else FAST
    code, out, err, made = run(*arguments, *fast)
    assert code == 2
    assert out == ""
    assert message in err
    assert err.count("\n") == err.count("warning:") + 1
    assert "Traceback" not in err
    assert made == []


def test_bad_models_are_told_apart(run, tiny_folder, tmp_path_factory):
    def broken(change) -> Path:
        folder = tmp_path_factory.mktemp("broken") / "model"
        shutil.copytree(tiny_folder, folder)
        change(folder)
        return folder

    def pickles(folder: Path) -> None:
        (folder / "unet/diffusion_pytorch_model.safetensors").unlink()
        (folder / "unet/diffusion_pytorch_model.bin").write_bytes(b"pickle")

    def truncated(folder: Path) -> None:
        path = folder / "vae/diffusion_pytorch_model.safetensors"
        path.write_bytes(path.read_bytes()[:1000])

    def other(folder: Path) -> None:
        (folder / "model_index.json").write_text('{"_class_name": "KolorsPipeline"}')

    cases = {
        "has no model_index.json": broken(lambda folder: (folder / "model_index.json").unlink()),
        "holds only pickled weights": broken(pickles),
        "lacks its 'vae' folder": broken(lambda folder: shutil.rmtree(folder / "vae")),
        "cannot be loaded": broken(truncated),
        "is a KolorsPipeline; wordbrush edits with StableDiffusionPipeline": broken(other),
        "there is no folder": Path("/no/such/folder"),
        "the hub cannot be reached": Path("nobody/nothing-at-all"),
    }
    for message, model in cases.items():
        code, out, err, made = run(*SWAP, *FAST, model=model)
        assert (code, out, made) == (2, "", []), message
        assert message in err
        assert err.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_told_before_the_model_runs(run, tmp_path):
    (tmp_path / "file").write_text("kept")
    code, _, err, _ = run(*SWAP, "--out", "file/inside", model=Path("/never/looked/at"))
    assert code == 2
    assert "cannot be written" in err
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("part", ["unet", "vae"])
def test_nan_is_told_and_what_was_there_stays(run, tiny_folder, tmp_path, part):
    model = tmp_path / "nan-model"
    shutil.copytree(tiny_folder, model)
    path = model / part / "diffusion_pytorch_model.safetensors"
    weights = load_file(path)
    save_file({name: torch.full_like(weight, float("nan")) for name, weight in weights.items()}, path)
    (tmp_path / "o").mkdir()
    (tmp_path / "o/edited.png").write_text("an earlier picture")
    code, _, err, _ = run(*SWAP, *FAST, "--out", "o", model=model)
    assert code == 2
    assert "not a number" in err or "not numbers" in err
    assert (tmp_path / "o/edited.png").read_text() == "an earlier picture"
    assert [p.name for p in (tmp_path / "o").iterdir()] == ["edited.png"]


def test_an_all_black_picture_is_an_error(tiny_folder):
    editor = Editor.from_pretrained(tiny_folder, "cpu")
    editor._adapter._vae.decoder.conv_out.weight.zero_()
    editor._adapter._vae.decoder.conv_out.bias.fill_(-5)
    with pytest.raises(OutputError, match="all black"):
        editor.generate("a dog", num_inference_steps=1)


def test_help_and_version_need_no_torch():
    script = (
        "import sys; sys.argv = ['wordbrush', '{}']\ntry:\n from wordbrush.cli.app import main; main()\nfinally:\n"
        " print('torch' in sys.modules or 'diffusers' in sys.modules)"
    )
    for option in ("--help", "--version", "edit', '--help", "sweep', '--help", "invert', '--help"):
        done = subprocess.run(
            [sys.executable, "-c", script.format(option)], capture_output=True, text=True, check=False
        )
        assert done.stdout.strip().endswith("False"), done.stderr


GUIDES = [
    "--control-image",
    "--controlnet-conditioning-scale",
    "--control-guidance-start",
    "--control-guidance-end",
    "--ip-adapter",
    "--image-encoder",
    "--ip-adapter-image",
    "--ip-adapter-scale",
]
ADAPTERS = ["--concept", "--lora", "--layers", *GUIDES]
SHARED = [
    "--model",
    *ADAPTERS,
    "--num-inference-steps --steps",
    "--guidance-scale --guidance",
    "--guidance-interval",
    "--negative-prompt --negative",
    "--sampler",
    "--size",
    "--device",
    "--dtype",
    "--out",
    "--quiet",
]
SEED = ["--seed", "--source-adapters --source-lora"]
EDIT = [
    "--edit --kind",
    "--cross-replace-steps --cross-steps",
    "--cross-replace-steps-for --cross-steps-for",
    "--self-replace-steps --self-steps",
    "--self-replace-max-pixels --self-max-pixels",
    "--equalizer --weight",
    "--local-blend --blend",
    "--local-blend-subtract-words --blend-subtract",
    "--local-blend-threshold --blend-threshold",
    "--local-blend-start-blend --blend-start",
    "--local-blend-fill-steps --blend-fill",
    "--local-blend-hold-pixels --hold-pixels",
    "--mask",
    "--mutual-self-attention --mutual",
    "--mutual-self-attention-start-step --mutual-start",
    "--mutual-self-attention-start-layer --mutual-layer",
    "--plug-and-play",
    "--plug-and-play-feature-replace-steps --feature-steps",
    "--plug-and-play-attention-replace-steps --attention-steps",
    "--new-word-factor --new-words",
    "--text-mass",
    "--weight-region",
    "--recipe",
    "--resize",
    "--strength",
    "--fast",
    "--target-adapters --target-lora",
]
PHOTO = ["--prompt --source-prompt", "--method --invert", "--setting", "--captioner", "--cache-dir", "--no-cache"]
MAPS = [
    "--target",
    "--record",
    "--photo",
    "--words",
    "--resolution",
    "--per-step",
    "--self-components",
    "--shared-scale",
]
RANKED = ["--candidates", "--clip"]
RUN = ["--model", "--device", "--dtype", "--out", "--quiet"]
STEPS = ["--num-inference-steps --steps"]
SERVER = ["--model", *ADAPTERS, "--layers", "--device", "--dtype", "--quiet", "--host", "--port", "--token", "--keep"]
LEARN = [
    "--word",
    "--init",
    "--lora",
    "--rank",
    "--num-vectors",
    "--steps",
    "--seed",
    "--batch-size",
    "--learning-rate",
    "--lora-learning-rate",
]
PAIRS = [
    "--tries",
    "--seeds",
    "--cross-range",
    "--self-range",
    "--best",
    "--clip",
    "--min-clip-direction",
    "--min-clip-image",
    "--min-clip-source",
    "--min-clip-target",
    "--min-difference",
    "--min-done",
    "--photos",
    "--method",
    "--min-kept",
    "--format",
    "--shard-rows",
    "--license",
    "--engine",
    "--workers",
    "--threads",
    "--batch",
    "--dry-run",
    "--json",
]
MEASURED = ["--limit", "--kinds", "--methods", *RUN]


def test_the_surface_is_as_published():
    """Others build on these names; a change here is a change for them. Spellings of one option are equal."""
    import typer

    commands = typer.main.get_command(cli.app).commands
    options = {
        name: {" ".join(p.opts) for p in command.params if p.opts[0].startswith("--")} - {"--help"}
        for name, command in {**commands, **{f"bench {n}": c for n, c in commands["bench"].commands.items()}}.items()
    }
    speed = ["--shape", "--case", "--no-cases", "--scaling", "--size", "--repeats", "--diffusers", "--steps"]
    published = {
        "generate": [*SHARED, *SEED],
        "edit": [*SHARED, *SEED, *EDIT, *PHOTO, "--photo", "--no-comparison", "--source-first", *RANKED, "--further"],
        "explore": [*SHARED, *EDIT, "--seeds", "--clip"],
        "invert": [*SHARED, *SEED, *PHOTO, "--lpips"],
        "replay": [*RUN, *ADAPTERS, "--photo"],
        "maps": [*SHARED, *SEED, *EDIT, *MAPS],
        "models": [],
        "figures": [*RUN, *STEPS, "--list"],
        "sweep": [*SHARED, *EDIT, "--axis", "--seeds", "--cells", "--max-cells"],
        "learn": [*RUN, *LEARN],
        "probe": [*SHARED, "--prompt", "--words", "--seeds"],
        "pairs": [*(set(SHARED) - {"--layers", "--out", *GUIDES}), "--source-adapters --source-lora", *EDIT, *PAIRS],
        "serve": [*SERVER],
        "ui": [*SERVER, "--no-open"],
        "bench": [],
        "bench scenes": [*MEASURED, *STEPS, "--peer", "--skip"],
        "bench pie": [*MEASURED, "--steps", "--data", "--weights"],
        "bench miniature": ["--out", "--per-kind", "--quiet"],
        "bench speed": [*RUN, *speed],
    }
    assert options == {name: set(names) for name, names in published.items()}


@pytest.mark.parametrize("command", ["edit", "sweep", "maps", "invert"])
def test_help_has_groups_and_what_is_used_most_on_top_in_80_columns(run, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _, _ = run(command, "--help", model=None)
    assert code == 0
    assert max(map(len, out.splitlines())) <= 80
    titles = re.findall(r"^(\w[^:]*):$", out, flags=re.MULTILINE)
    assert titles[:2] == ["Arguments", "Used most"]
    assert len(titles) >= 5
    first = out.split("Used most:\n")[1].split("\n\n")[0]
    assert len(re.findall(r"^  --", first, flags=re.MULTILINE)) == 5


@pytest.mark.parametrize(
    ("short", "api"),
    [
        (["--cross-steps", "0.5", "--weight", "apple=2"], ["--cross-replace-steps", "0.5", "--equalizer", "apple=2"]),
        (["--blend", "cat", "--blend-start", "0.5"], ["--local-blend", "cat", "--local-blend-start-blend", "0.5"]),
        (["--kind", "refine", "--self-steps", "0.1..0.6"], ["--edit", "refine", "--self-replace-steps", "0.1..0.6"]),
    ],
)
def test_spellings_are_equal(run, tmp_path, short, api):
    made = []
    for place, options in (("one", short), ("other", api)):
        assert run(*SWAP, *FAST, *options, "--no-comparison", "--quiet", "--out", place)[:3] == (0, "", "")
        made.append((tmp_path / place / "edited.png").read_bytes())
    assert made[0] == made[1]
