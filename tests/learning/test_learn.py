"""A word learnt from pictures on tiny models of real classes: files that others read, and the model as it was."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from wordbrush.editor import Editor
from wordbrush.errors import ModelError, PhotoError, SettingsError
from wordbrush.learning import learn as learning
from wordbrush.learning.learn import Learnt, Preview, learn
from wordbrush.learning.settings import LearnSettings
from wordbrush.models.fingerprint import pipeline_fingerprint
from wordbrush.models.load import adopt_pipeline, load_pipeline
from wordbrush_bench.tiny.joint import tiny_flux
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline
from wordbrush_bench.tiny.stable_diffusion_xl import tiny_xl

TOY = LearnSettings("<Toy>", "dog", num_vectors=2, steps=4, batch_size=2)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> list[Path]:
    """Red squares on grey, of three sizes."""
    folder = tmp_path_factory.mktemp("pictures")
    paths = []
    for number, (width, height) in enumerate([(32, 32), (48, 32), (20, 40)]):
        pixels = np.full((height, width, 3), 128, np.uint8)
        pixels[height // 4 : -height // 4, width // 4 : -width // 4] = (220, 20, 20)
        paths.append(folder / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def run(pictures, folder: Path, settings: LearnSettings = TOY, model=None, **options) -> Learnt:
    folder.mkdir(exist_ok=True)
    loaded, info = adopt_pipeline(model if model is not None else tiny_pipeline())
    info = replace(info, defaults=replace(info.defaults, num_inference_steps=2))  # of previews
    return learn(loaded, info, pictures, settings, folder, **options)


def test_a_word_is_a_file_that_edits_and_diffusers_read_and_the_model_is_as_it_was(pictures, tmp_path):
    pipeline, shown = tiny_pipeline(), list[Preview]()
    before = pipeline_fingerprint(pipeline)
    learnt = run(pictures, tmp_path, model=pipeline, on_preview=shown.append)
    assert pipeline_fingerprint(pipeline) == before
    assert [preview.step for preview in shown] == [1, 2, 3, 4]
    assert learnt.files == (tmp_path / "toy.safetensors",)
    (vectors,) = load_file(learnt.files[0]).values()
    ids = pipeline.tokenizer("dog", add_special_tokens=False).input_ids
    start = pipeline.text_encoder.get_input_embeddings().weight[ids * 2]
    assert vectors.shape == (2, 32)
    assert not torch.isclose(vectors, start).any(1).all()
    own = tiny_pipeline()
    own.load_textual_inversion(str(learnt.files[0]))
    assert {"<toy>", "<toy>_1"} <= set(own.tokenizer.get_vocab())
    editor = Editor.from_pipeline(pipeline)
    assert editor.load_concept(learnt.files[0]) == "<toy>"
    again = editor.generate("a <toy>", seed=3, num_inference_steps=2).image
    assert again.tobytes() == shown[-1].pictures[3].tobytes()


@pytest.mark.parametrize("lora", [False, True])
def test_the_models_own_weights_take_no_gradients_and_do_again_afterwards(pictures, tmp_path, lora):
    pipeline = tiny_pipeline()
    own = [*pipeline.unet.named_parameters(), *pipeline.text_encoder.named_parameters()]
    pipeline.unet.conv_in.requires_grad_(False)
    flags = [parameter.requires_grad for _, parameter in own]
    run(pictures, tmp_path, LearnSettings("<toy>", "dog", lora=lora, steps=2, batch_size=2), pipeline)
    assert [name for name, parameter in own if parameter.grad is not None] == []
    assert [parameter.requires_grad for _, parameter in own] == flags
    assert not all(flags)


def test_the_loss_falls(pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(learning, "CHECK_EVERY", 10)
    settings = LearnSettings("<toy>", "dog", steps=40, batch_size=2, learning_rate=1.0)
    losses = run(pictures, tmp_path, settings).losses
    assert len(losses) == 4
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("lora", [False, True])
def test_what_was_broken_off_ends_with_the_same_bits(pictures, tmp_path, lora):
    settings = LearnSettings("<toy>", "dog", steps=4, batch_size=2, lora=lora, rank=2)

    def breaks(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    whole = run(pictures, tmp_path / "whole", settings)
    with pytest.raises(KeyboardInterrupt):
        run(pictures, tmp_path / "broken", settings, on_step=breaks)
    resumed: list[int] = []
    broken = run(pictures, tmp_path / "broken", settings, on_step=lambda done, total: resumed.append(done))
    assert resumed == [3, 4]
    for one, other in zip(whole.files, broken.files, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_a_lora_is_a_file_that_edits_read(pictures, tmp_path):
    pipeline = tiny_pipeline()
    before, names = pipeline_fingerprint(pipeline), list(pipeline.unet.state_dict())
    learnt = run(pictures, tmp_path, LearnSettings("<toy>", "dog", lora=True, steps=2, batch_size=2), pipeline)
    assert (pipeline_fingerprint(pipeline), list(pipeline.unet.state_dict())) == (before, names)
    editor = Editor.from_pipeline(pipeline)
    editor.load_concept(learnt.files[0])
    plain = editor.generate("a <toy>", num_inference_steps=2).latents
    assert editor.load_lora(learnt.files[1]) == "toy_lora"
    assert not torch.equal(editor.generate("a <toy>", num_inference_steps=2).latents, plain)


def test_a_half_precision_models_lora_learns_in_single_precision(pictures, tmp_path):
    pipeline = tiny_pipeline().to(dtype=torch.bfloat16)
    settings = LearnSettings("<toy>", "dog", lora=True, steps=3, batch_size=2, rank=2, lora_learning_rate=1e-5)
    learnt = run(pictures, tmp_path, settings, pipeline)
    state = load_file(tmp_path / "state.safetensors")
    matrices = [tensor for name, tensor in state.items() if name.startswith("value.") and "lora_B" in name]
    assert {tensor.dtype for tensor in matrices} == {torch.float32}
    assert all(0 < tensor.abs().max() < 1e-4 for tensor in matrices)
    assert Editor.from_pipeline(pipeline).load_lora(learnt.files[1]) == "toy_lora"


def test_a_model_of_two_encoders_learns_vectors_for_both(pictures, tmp_path):
    learnt = run(pictures, tmp_path, LearnSettings("<toy>", "dog", 2, steps=1, batch_size=1), tiny_xl())
    assert {name: tuple(rows.shape) for name, rows in load_file(learnt.files[0]).items()} == {
        "clip_l": (2, 8),
        "clip_g": (2, 12),
    }
    assert Editor.from_pipeline(tiny_xl()).load_concept(learnt.files[0]) == "<toy>"


def test_a_folder_of_another_learning_is_told(pictures, tmp_path):
    run(pictures, tmp_path)
    with pytest.raises(SettingsError, match="is of another learning"):
        run(pictures[::-1], tmp_path)
    (tmp_path / "state.safetensors").write_bytes(b"not a state")
    with pytest.raises(SettingsError, match=r"is damaged .* remove it"):
        run(pictures, tmp_path)


def test_captions_are_made_of_known_words_or_given_beside_a_picture(pictures, tmp_path):
    loaded, info = load_pipeline(None, "cpu", "float32")
    read = learning.read_examples(pictures, "<toy>", loaded.adapter, info.native_size, info.vocabulary)
    assert read.latents.shape == (3, 32, 16, 16)
    assert read.captions[0] == (
        "a <toy>",
        "the <toy>",
        "a picture of a <toy>",
        "a photo of a <toy>",
        "a photo of the <toy>",
    )
    own = [tmp_path / path.name for path in pictures]
    for path, copy in zip(pictures, own, strict=True):
        copy.write_bytes(path.read_bytes())
    (tmp_path / "1.txt").write_text("a <TOY> in\nthe snow\n")
    read = learning.read_examples(own, "<toy>", loaded.adapter, info.native_size, None)
    assert (read.captions[1], len(read.captions[0])) == (("a <toy> in the snow",), 10)
    (tmp_path / "2.txt").write_text("a square")
    with pytest.raises(SettingsError, match=r"the caption 'a square' in '.*' does not name <toy>"):
        learning.read_examples(own, "<toy>", loaded.adapter, info.native_size, None)


def test_what_cannot_be_learnt_is_told(pictures, tmp_path):
    with pytest.raises(SettingsError, match="from three pictures or more, and there are 2"):
        run(pictures[:2], tmp_path)
    with pytest.raises(PhotoError):
        run([*pictures, tmp_path / "none.png"], tmp_path)
    with pytest.raises(ModelError, match="takes no concepts; learn with a Stable Diffusion"):
        run(pictures, tmp_path, model=tiny_flux())
    with pytest.raises(SettingsError, match="the model knows the word 'cat'"):
        run(pictures, tmp_path, LearnSettings("cat", "dog", steps=1))
    with pytest.raises(SettingsError, match="has no token"):
        run(pictures, tmp_path, LearnSettings("<toy>", " ", steps=1))
    for name in ("num_vectors", "steps", "batch_size", "rank"):
        with pytest.raises(SettingsError, match=f"{name} is 0"):
            LearnSettings("<toy>", "dog", **{name: 0})
    with pytest.raises(SettingsError, match="learning_rate is 0"):
        LearnSettings("<toy>", "dog", learning_rate=0)


def test_the_command_learns_and_says_how_to_use_it(command_line, pictures, tiny_folder):
    options = ["--word", "<toy>", "--init", "dog", "--steps", "1", "--model", str(tiny_folder), "--device", "cpu"]
    code, out, err, _ = command_line("learn", *map(str, pictures), *options, "--out", "o")
    assert code == 0, err
    assert Path("o/preview.png").exists()
    assert out.rstrip().endswith('now: wordbrush edit "a dog" "a <toy>" --concept o/toy.safetensors')
    code, _, err, _ = command_line("learn", str(pictures[0]), *options, "--out", "o2")
    assert (code, "three pictures or more" in err, len(err.splitlines())) == (2, True, 1)
