import re
from pathlib import Path
from pkgutil import resolve_name

import pytest

from wordbrush.errors import RecordError, SettingsError
from wordbrush.inversion.methods import METHODS
from wordbrush.inversion.settings import InversionSettings
from wordbrush.json_form import from_plain, to_plain


@pytest.mark.parametrize("method", METHODS)
def test_every_method_builds_and_goes_through_json(method):
    settings = InversionSettings.parse(method, {})
    assert type(settings.build()) is resolve_name(METHODS[method])
    assert from_plain(InversionSettings, to_plain(settings), "the record") == settings


def test_an_unknown_method_names_the_known():
    with pytest.raises(SettingsError, match="no method 'nul-text'; give one of direct, ddim, null-text"):
        InversionSettings.parse("nul-text", {})


@pytest.mark.parametrize(
    ("method", "settings", "said"),
    [
        ("direct", {"skip": 0.1}, "'direct' has no setting 'skip'; it has none"),
        ("edit-friendly", {"skp": 0.1}, "it has skip, source_guidance_scale"),
        ("edit-friendly", {"skip": "much"}, "skip is 'much'; give a number"),
        ("null-text", {"num_inner_steps": 2.5}, "num_inner_steps is 2.5; give a whole number"),
        ("null-text", {"num_inner_steps": True}, "num_inner_steps is True"),
        ("negative-prompt", {"proximal": 1}, "proximal is 1; give a word"),
    ],
)
def test_what_a_method_does_not_have_is_told(method, settings, said):
    with pytest.raises(SettingsError, match=said):
        InversionSettings.parse(method, settings)


def test_a_records_bad_value_is_told():
    with pytest.raises(RecordError, match="skip is 2"):
        from_plain(InversionSettings, {"method": "edit-friendly", "settings": {"skip": 2}}, "the record")


def test_the_readme_lists_every_method() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    listed = readme.split("invert sit behind one call, ")[1].split(", each with a")[0]
    assert re.findall(r"`([^`]+)`", listed) == list(METHODS)


def test_a_method_with_its_settings_takes_no_others():
    complete = InversionSettings.parse("edit-friendly", {"skip": 0.1})
    assert InversionSettings.of(complete, {}) == InversionSettings.of("edit-friendly", {"skip": 0.1}) == complete
    with pytest.raises(SettingsError, match="has its settings already; leave out skip, or give the method's name"):
        InversionSettings.of(complete, {"skip": 0.2})
