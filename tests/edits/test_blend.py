import pytest

from wordbrush.edits.blend import LatentMask, LocalBlend
from wordbrush.edits.blend_words import BlendTokens, blend_tokens
from wordbrush.errors import PromptError, SettingsError
from wordbrush.tokens.pair import Prompts
from wordbrush.tokens.prompt_tokens import PromptTokens
from wordbrush_bench.tiny.stable_diffusion import tiny_tokenizer


def tokens(prompt: str) -> PromptTokens:
    encoded = tiny_tokenizer()(prompt, add_special_tokens=False, return_offsets_mapping=True)
    return PromptTokens.from_offsets(prompt, encoded["offset_mapping"], begin=1, length=77)


def found(source: str, targets: list[str], blend: LocalBlend, **equalizer: float) -> tuple[BlendTokens, ...]:
    return blend_tokens(Prompts.of(tokens, source, targets), blend, equalizer)


SOURCE = "a dog eating an apple"


def test_auto_is_what_each_target_changes():
    cat, orange, both = found(
        SOURCE, ["a cat eating an apple", "a dog eating an orange", "a cat eating an orange"], LocalBlend()
    )
    assert (cat.source, cat.target, cat.named) == (((2,),), ((2,),), ("dog", "cat"))
    assert (orange.source, orange.target) == (((5,),), ((5,),))
    assert (both.source, both.target, both.named) == (((2, 5),), ((2, 5),), ("dog", "apple", "cat", "orange"))


def test_auto_is_what_is_new_gone_and_weighted_but_no_punctuation():
    (new,) = found(SOURCE, ["a big dog, eating an apple"], LocalBlend())
    assert (new.source, new.target) == ((), ((2,),))
    (gone,) = found("a big dog", ["a dog"], LocalBlend())
    assert (gone.source, gone.target) == (((2,),), ())
    (weighted,) = found(SOURCE, [SOURCE], LocalBlend(), apple=2.0)
    assert (weighted.source, weighted.target, weighted.named) == (((5,),), ((5,),), ("apple",))


def test_a_word_acts_in_the_prompts_that_have_it():
    cat, orange = found(SOURCE, ["a cat eating an apple", "a dog eating an orange"], LocalBlend(("dog", "cat")))
    assert (cat.source, cat.target) == (((2,),), ((2,),))
    assert (orange.source, orange.target) == (((2,),), ((2,),))
    assert orange.named == ("dog",)


def test_words_for_one_prompt_are_for_it_alone():
    blend = LocalBlend("eating", source_words="apple", target_words=("cat", ["dog", "orange"]))
    cat, orange = found(SOURCE, ["a cat eating an apple", "a dog eating an orange"], blend)
    assert (cat.source, cat.target) == (((5,),), ((2,),))
    assert (orange.source, orange.target) == (((5,),), ((2, 5),))


def test_words_can_be_auto_and_more():
    (both,) = found(SOURCE, ["a cat eating an apple"], LocalBlend(("auto", "apple"), subtract_words="eating"))
    assert (both.source, both.target) == (((2, 5),), ((2, 5),))
    assert (both.subtract_source, both.subtract_target) == ((3,), (3,))


def test_things_apart_are_each_a_region_of_their_own_and_alone_count():
    target = "an orange dog eating a cat"
    (together,) = found(SOURCE, [target], LocalBlend())
    (apart,) = found(SOURCE, [target], LocalBlend(apart=True))
    assert (together.source, together.target) == (((5,),), ((2, 6),))
    assert (apart.source, apart.target, apart.named) == (((5,),), ((6,),), ("apple", "cat"))
    (both,) = found(SOURCE, ["a cat eating an orange"], LocalBlend(apart=True))
    assert (both.source, both.target) == (((2,), (5,)), ((2,), (5,)))
    (new,) = found(SOURCE, ["a big dog eating an apple"], LocalBlend(apart=True))
    assert (new.source, new.target, new.named) == ((), ((2,),), ("big",))


def test_words_can_be_subtracted_from_everything():
    (around,) = found(SOURCE, ["a cat eating an apple"], LocalBlend((), subtract_words="apple"))
    assert (around.source, around.target, around.subtract_source, around.subtract_target) == ((), (), (5,), (5,))


def test_a_word_of_several_tokens_is_all_of_them():
    (one,) = found("a kudu", ["a lynx"], LocalBlend("kudu"))
    assert one.source == ((2, 3, 4, 5),)


def test_an_ambiguous_word_is_an_error():
    with pytest.raises(PromptError, match=r"say 'dog\[0\]' or 'dog\[1\]'"):
        found("dog and dog", ["dog and cat"], LocalBlend("dog"))
    assert found("dog and dog", ["cat and dog"], LocalBlend("dog[1]"))[0].target == ()


def test_outlines_of_no_words_are_an_error():
    with pytest.raises(SettingsError, match="outlined, and no word says of what; name things in words"):
        found(SOURCE, ["a cat eating an apple"], LocalBlend((), mask=LatentMask(("#.",)), outlined=True))


def test_nothing_changed_is_an_error():
    with pytest.raises(PromptError, match="no blend word is in the source"):
        found(SOURCE, ["a dog eating an apple."], LocalBlend())


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"threshold": 1.0}, "threshold is 1.0; give a number from 0 to below 1"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"subtract_threshold": -0.1}, "subtract_threshold is -0.1"),
        ({"outlined": True, "parted": 1.0}, "parted is 1.0; give a number from 0 to below 1"),
        ({"parted": 0.5}, "parted is 0.5, and it is not outlined, so that there are no pixels to part"),
        ({"start_blend": 1.0}, "start_blend is 1.0; give the fraction of the steps before the blend"),
        ({"fill_steps": 1.1}, "fill_steps is 1.1; give the fraction of the steps up to which the region shows"),
        ({"fill_steps": -0.1}, "fill_steps is -0.1"),
        (
            {"fill_steps": 0.5, "fill_scale": -1.0},
            "fill_scale is -1.0; give how many times as long the thing is to be",
        ),
        ({"fill_steps": 0.5, "fill_scale": 4.1}, "fill_scale is 4.1; .*, from 0.25 to 4, or 0 for a place without it"),
        ({"fill_steps": 0.5, "fill_scale": 0.001}, "fill_scale is 0.001; .*, from 0.25 to 4"),
        ({"fill_steps": 0.5, "fill_scale": float("nan")}, "fill_scale is nan"),
        (
            {"fill_scale": 1.3},
            "fill_scale is 1.3, and nothing is drawn so; name the thing in words, and give fill_steps",
        ),
        ({"words": (), "subtract_words": "dog", "fill_steps": 0.5, "fill_scale": 1.3}, "name the thing in words"),
        (
            {"fill_steps": 0.5, "fill_counts": (2, 2)},
            r"fill_counts is \(2, 2\); give how many there are and are to be",
        ),
        ({"fill_steps": 0.5, "fill_counts": (7, 2)}, "two different numbers from 1 to 6"),
        ({"fill_steps": 0.5, "fill_counts": (0, 2)}, "two different numbers from 1 to 6"),
        (
            {"fill_counts": (1, 2)},
            r"fill_counts is \(1, 2\), and nothing is drawn so; name the thing in words, and give",
        ),
        ({"fill_steps": 0.5, "fill_scale": 1.3, "fill_counts": (1, 2)}, "has fill_scale and fill_counts; give one of"),
        ({"fill_steps": 0.5, "fill_relation": "on", "fill_colour": (0, 0, 0)}, "has fill_relation and fill_colour"),
        ({"fill_steps": 0.5, "fill_relation": "over"}, "fill_relation is 'over'; give one of on, worn by, beside,"),
        ({"fill_steps": 0.5, "fill_relation": "on"}, "no other thing to stand to; name it in subtract_words"),
        ({"fill_steps": 0.5, "fill_colour": (0, 256, 0)}, r"fill_colour is \(0, 256, 0\); give red, green and blue"),
        ({"fill_colour": (0, 0, 0)}, r"fill_colour is \(0, 0, 0\), and nothing is drawn so"),
        ({"pool": 2}, "pool is 2; give an odd number"),
        ({"pool": 0}, "pool is 0"),
        ({"maps": "stored"}, "maps are 'stored'; give one of edited, own"),
        ({"words": 3}, "words is 3; give a word, or a list of words"),
        ({"words": (3,)}, r"words is \(3,\)"),
    ],
)
def test_a_bad_value_is_named(wrong, message):
    with pytest.raises(SettingsError, match=message):
        LocalBlend(**wrong)


def test_what_an_editor_takes():
    mask = LatentMask(("#.",))
    assert LocalBlend.parse(None, None) is None
    assert LocalBlend.parse(None, mask) == LocalBlend(words=(), mask=mask)
    assert LocalBlend.parse("auto", None) == LocalBlend()
    assert LocalBlend.parse(["dog", "cat"], mask) == LocalBlend(("dog", "cat"), mask=mask)
    assert LocalBlend.parse(LocalBlend("dog", pool=1), mask) == LocalBlend("dog", pool=1, mask=mask)
    with pytest.raises(SettingsError, match="local_blend is True; give a word"):
        LocalBlend.parse(True, None)


@pytest.mark.parametrize("rows", [(), ("",), ("#", "##"), ("#x",), ("..", "..")])
def test_what_is_no_mask_is_refused(rows):
    with pytest.raises(SettingsError, match="mask"):
        LatentMask(rows)


@pytest.mark.parametrize(("start", "first"), [(0.0, 0), (0.2, 10), (0.99, 49)])
def test_the_first_blended_step(start, first):
    assert LocalBlend(start_blend=start).start_step(50) == first
