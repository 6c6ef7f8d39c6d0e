"""Words with vectors of their own: every form of file, one word everywhere, and the model as it was afterwards."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from helpers.adapter_files import concept, vectors
from wordbrush.editor import Editor
from wordbrush.edits.blend import LocalBlend
from wordbrush.errors import ModelError, PromptError, RecordError, SettingsError
from wordbrush.models.clip import clip_ids
from wordbrush.views.prompts import Piece, marked_prompts
from wordbrush_bench.tiny.stable_diffusion import tiny_pipeline
from wordbrush_bench.tiny.stable_diffusion_xl import tiny_xl

RUN = {"seed": 4, "num_inference_steps": 2, "guidance_scale": 4.0}
PROMPT = "a dog eating an apple"


@pytest.fixture(scope="module")
def editor(tiny_folder) -> Editor:
    return Editor.from_pretrained(tiny_folder, "cpu", "float32")


@pytest.fixture
def toy(editor, tmp_path):
    """The editor with a concept of three vectors, `<toy>`, which is taken out again."""
    editor.load_concept(concept(tmp_path / "toy.safetensors", count=3))
    yield editor
    editor.unload_concept("<toy>")


@pytest.mark.parametrize("form", ["web ui", "diffusers"])
@pytest.mark.parametrize("count", [1, 3])
def test_every_form_draws_what_diffusers_draws_with_it(form, count, tmp_path):
    path = concept(tmp_path / "my-dog.safetensors", form, count)
    pipeline, own = tiny_pipeline(), tiny_pipeline()
    editor = Editor.from_pipeline(pipeline)
    word = editor.load_concept(path)
    assert word == ("<my-dog>" if form == "web ui" else "<toy>")
    own.load_textual_inversion(next(iter(load_file(path).values())), token=word)
    prompt = f"a {word} eating"
    generator = torch.Generator().manual_seed(4)
    options = {"num_inference_steps": 2, "guidance_scale": 4.0, "output_type": "latent"}
    assert torch.equal(editor.generate(prompt, **RUN).latents, own(prompt, generator=generator, **options).images)
    assert len(editor._adapter.tokenize(prompt).find(word)) == count


def test_a_concept_for_two_encoders_draws_what_diffusers_draws_with_it(tmp_path):
    path = concept(tmp_path / "toy.safetensors", "xl", 2)
    editor, own = Editor.from_pipeline(tiny_xl()), tiny_xl()
    before = editor.generate("a dog", **RUN).latents
    assert editor.load_concept(path) == "<toy>"
    tensors = load_file(path)
    own.load_textual_inversion(tensors["clip_l"], token="<toy>")
    own.load_textual_inversion(
        tensors["clip_g"], token="<toy>", tokenizer=own.tokenizer_2, text_encoder=own.text_encoder_2
    )
    generator = torch.Generator().manual_seed(4)
    expected = own(
        "a <toy> eating", generator=generator, num_inference_steps=2, guidance_scale=4.0, output_type="latent"
    )
    assert torch.equal(editor.generate("a <toy> eating", **RUN).latents, expected.images)
    assert torch.equal(editor.generate("A <TOY> eating", **RUN).latents, expected.images)
    result = editor.generate_and_edit(PROMPT, "a <toy> eating an apple", **RUN)
    assert result.record.acted == (("'dog' -> '<toy>'",),)
    editor.unload_concept("<toy>")
    assert torch.equal(editor.generate("a dog", **RUN).latents, before)


@pytest.mark.parametrize(
    ("target", "options", "acted"),
    [
        ("a <toy> eating an apple", {}, ("'dog' -> '<toy>'",)),
        ("a <TOY> eating an apple", {"edit": "replace"}, ("'dog' -> '<TOY>'",)),
        ("a dog eating an apple in <toy>", {"edit": "refine"}, ("new: 'in <toy>'",)),
        ("a <toy> eating an apple", {"equalizer": {"<toy>": 2.0}}, ("'dog' -> '<toy>'", "'<toy>' x 2")),
        ("a <toy> eating an apple", {"cross_replace_steps": {"default_": 0.8, "<Toy>": 0.4}}, ("'dog' -> '<toy>'",)),
    ],
)
def test_it_is_one_word_of_every_edit(toy, target, options, acted):
    result = toy.generate_and_edit(PROMPT, target, **RUN, **options)
    assert result.record.acted[0][: len(acted)] == acted
    assert result.record.controlled_calls > 0


def test_it_is_one_word_of_maps_and_of_blends(toy):
    source = toy.generate("a <toy> eating an apple", **RUN)
    maps = toy.maps(source, ["<toy>", "<TOY> eating"])
    tokens = toy.maps(source, [2, 3, 4])
    assert torch.allclose(
        torch.as_tensor(maps.word("<toy>")),
        sum(torch.as_tensor(tokens.word(f"token {i}")) for i in (2, 3, 4)),
        atol=1e-6,
    )
    blend = LocalBlend("<toy>", threshold=0.5)
    result = toy.edit(source, "a cat eating an apple", local_blend=blend)
    assert "<toy>" in result.record.acted[0][1]
    with pytest.raises(PromptError, match="word 'toy' is not in the prompt 'a <toy> eating an apple'"):
        toy.maps(source, "toy")


def test_prompts_show_what_it_replaces(toy):
    result = toy.generate_and_edit(PROMPT, "a <toy> eating an apple", **RUN)
    assert "&lt;toy&gt;" in result._repr_html_()
    _, after = marked_prompts(PROMPT, "a <toy> eating an apple", {"<toy>": 2.0}, toy.added_words)
    assert [phrase.pieces for phrase in after if phrase.mark] == [(Piece("<toy>", 2.0),)]


def test_unloading_puts_back_the_very_tokenizer_and_embedding(tmp_path):
    pipeline = tiny_pipeline()
    editor = Editor.from_pipeline(pipeline)
    tokenizer, embedding = pipeline.tokenizer, pipeline.text_encoder.get_input_embeddings()
    weight, values, flag = embedding.weight, embedding.weight.clone(), embedding.weight.requires_grad
    before, fingerprint = editor.generate(PROMPT, **RUN).latents, editor.model.fingerprint
    vocabulary, size = tokenizer.get_vocab(), pipeline.text_encoder.config.vocab_size
    random = torch.random.get_rng_state()
    for name in ("one", "two", "three"):
        editor.load_concept(concept(tmp_path / f"{name}.safetensors", count=2, seed=len(name)))
    assert torch.equal(torch.random.get_rng_state(), random)
    assert editor.added_words == {"<one>", "<two>", "<three>"}
    both = editor.generate("a <three> and <one>", **RUN).latents
    editor.unload_concept("<Two>")
    assert torch.equal(editor.generate("a <three> and <one>", **RUN).latents, both)
    editor.unload_concept("<one>")
    editor.unload_concept("<three>")
    assert pipeline.tokenizer is tokenizer
    assert pipeline.text_encoder.get_input_embeddings() is embedding
    assert embedding.weight is weight
    assert torch.equal(weight, values)
    assert weight.requires_grad == flag
    assert tokenizer.get_vocab() == vocabulary
    assert (embedding.num_embeddings, pipeline.text_encoder.config.vocab_size) == (len(values), size)
    assert editor.model.fingerprint == fingerprint
    assert torch.equal(editor.generate(PROMPT, **RUN).latents, before)


@pytest.mark.parametrize("kind", ["folder", "pipeline"])
def test_sources_belong_to_the_vectors_that_made_them(kind, tiny_folder, tmp_path):
    made = Editor.from_pretrained(tiny_folder, "cpu") if kind == "folder" else Editor.from_pipeline(tiny_pipeline())
    before = made.generate("a dog", **RUN)
    made.load_concept(concept(tmp_path / "toy.safetensors"))
    with_toy = made.generate("a <toy>", **RUN)
    with pytest.raises(SettingsError, match="the source was made with"):
        made.edit(before, "a cat")
    made.unload_concept("<toy>")
    made.load_concept(concept(tmp_path / "toy.safetensors", seed=9))
    with pytest.raises(SettingsError, match="the source was made with"):
        made.edit(with_toy, "a cat")
    with pytest.raises(RecordError, match=r"the record was made with the concept '<toy>', which is not loaded so"):
        made.replay(with_toy.record)
    made.unload_concept("<toy>")
    assert made.edit(before, "a cat").record.controlled_calls > 0


def test_an_owners_other_vectors_are_another_model():
    prints = []
    for seed in (0, 1):
        pipeline = tiny_pipeline()
        pipeline.load_textual_inversion(vectors(2, 32, seed), token="<toy>")
        prints.append(Editor.from_pipeline(pipeline).model.fingerprint)
    assert prints[0] != prints[1]


def test_an_owners_word_that_diffusers_reads_a_part_of_is_told():
    pipeline = tiny_xl()
    for tokenizer, encoder in (("tokenizer", "text_encoder"), ("tokenizer_2", "text_encoder_2")):
        parts = {"tokenizer": getattr(pipeline, tokenizer), "text_encoder": getattr(pipeline, encoder)}
        width = parts["text_encoder"].config.hidden_size
        pipeline.load_textual_inversion(vectors(2, width), token="<Toy>", **parts)
    with pytest.raises(PromptError, match="diffusers reads one vector of '<Toy>'"):
        Editor.from_pipeline(pipeline).generate("a <toy>", **RUN)


def test_an_owners_later_words_are_not_lost(tmp_path):
    pipeline = tiny_pipeline()
    editor = Editor.from_pipeline(pipeline)
    editor.load_concept(concept(tmp_path / "toy.safetensors"))
    pipeline.load_textual_inversion(vectors(1, 32), token="<late>")
    with pytest.raises(SettingsError, match="the pipeline's words were changed since"):
        editor.unload_concept("<toy>")


def test_a_small_vocabulary_knows_it(tmp_path):
    editor = Editor.from_pretrained()
    path = concept(tmp_path / "my-dog.safetensors", width=128)
    assert set(editor.unknown_words(["a <my-dog>"])) == {"my-dog"}
    editor.load_concept(path)
    assert set(editor.unknown_words(["a <My-Dog> and a zebra"])) == {"zebra"}


def written(tensors: dict[str, torch.Tensor]) -> bytes:
    from safetensors.torch import save

    return save(tensors)


GOOD = written({"emb_params": vectors(2, 32)})
BAD_FILES = {
    "other width": (written({"emb_params": vectors(2, 64)}), "vectors of width 64, and this model reads 32"),
    "two encoders": (written({"clip_l": vectors(2, 8), "clip_g": vectors(2, 12)}), "vectors for 2 text encoders"),
    "no vectors": (written({"emb_params": torch.zeros(0, 32)}), r"of shape \(0, 32\), where vectors"),
    "a picture": (written({"emb_params": torch.zeros(2, 3, 32)}), r"of shape \(2, 3, 32\)"),
    "whole numbers": (written({"emb_params": torch.zeros(2, 32, dtype=torch.int64)}), "no finite numbers"),
    "not a number": (written({"emb_params": torch.full((1, 32), torch.nan)}), "no finite numbers"),
    "a lora": (written({"lora_unet_x.lora_down.weight": vectors(2, 4), "b": vectors(2, 4)}), "is no concept"),
    "truncated": (GOOD[:-20], "not a whole safetensors file"),
    "empty": (b"", "not a whole safetensors file"),
    "text": (b"hello, I am a text file and long enough", "not a whole safetensors file"),
    "long header": (b"\xff" * 8 + GOOD[8:], "not a whole safetensors file"),
    "hostile header": (
        (70).to_bytes(8, "little")
        + b'{"a":{"dtype":"F32","shape":[9999999999,9],"data_offsets":[0,4]}}'.ljust(70)
        + b"abcd",
        "not a whole safetensors file",
    ),
    "a pickle": (b"PK\x03\x04rest", "is a pickle, which can run any code"),
    "a bare pickle": (b"\x80\x04K\x01.", "is a pickle, which can run any code"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_one_line(editor, case, tmp_path):
    content, told = BAD_FILES[case]
    path = tmp_path / "bad.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=told) as error:
        editor.load_concept(path)
    assert "\n" not in str(error.value)
    assert editor.model.adapters == ()
    assert editor.added_words == frozenset()


def test_a_file_that_is_not_there_or_too_large_is_told(editor, tmp_path):
    with pytest.raises(ModelError, match=r"cannot be read \(No such file"):
        editor.load_concept(tmp_path / "none.safetensors")
    with pytest.raises(ModelError, match=r"cannot be read \(a folder\)"):
        editor.load_concept(tmp_path)
    large = tmp_path / "large.safetensors"
    with large.open("wb") as file:
        file.truncate(65 << 20)
    with pytest.raises(ModelError, match="over 64 MiB, which no concept has"):
        editor.load_concept(large)


def test_the_other_familys_file_is_told(tmp_path):
    with pytest.raises(ModelError, match="vectors for 1 text encoder, and this model has 2"):
        Editor.from_pipeline(tiny_xl()).load_concept(concept(tmp_path / "toy.safetensors"))
    uneven = tmp_path / "uneven.safetensors"
    save_file({"clip_l": vectors(2, 8), "clip_g": vectors(3, 12)}, uneven)
    with pytest.raises(ModelError, match="2 and 3 vectors for its text encoders"):
        Editor.from_pipeline(tiny_xl()).load_concept(uneven)


@pytest.mark.parametrize(
    ("word", "told"),
    [
        ("dog", "the model knows the word 'dog'; give another, such as word='<dog>'"),
        ("my dog", "give a word without spaces"),
        (" ", "give a word without spaces"),
        ("a\x1b[31m", "give a word without spaces"),
        ("x" * 65, "of at most 64 letters"),
        ("<toy>", "is loaded already"),
        ("<toy>_1", "would be taken for a vector of another added word"),
        ("<toy>_3", "would be taken for a vector of another added word"),
    ],
)
def test_a_word_that_cannot_be_one_is_told(toy, word, told, tmp_path):
    path: Path = concept(tmp_path / "other.safetensors")
    with pytest.raises(SettingsError, match=told):
        toy.load_concept(path, word)
    assert toy.added_words == {"<toy>"}
    assert clip_ids(toy._adapter._tokenizer, "<toy>")[0, 1:4].unique().numel() == 3
