import pytest

from wordbrush.errors import SettingsError
from wordbrush.maps.request import MapsRequest


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"words": ()}, "words is empty; name some, or give None"),
        ({"resolution": 0}, "resolution is 0"),
        ({"resolution": (16, 16, 16)}, "resolution is"),
        ({"resolution": "some"}, "resolution is 'some'"),
        ({"reads": "all"}, "reads is 'all'; give one of edited, own"),
        ({"self_components": -1}, "self_components is -1"),
        ({"max_bytes": -1}, "max_bytes is -1"),
        ({"steps": 2}, "steps is 2, outside of 0..1"),
        ({"steps": "half"}, "give a number in 0..1"),
    ],
)
def test_what_cannot_be_is_told(options, message):
    with pytest.raises(SettingsError, match=message):
        MapsRequest(**options)


def test_a_part_of_the_steps():
    assert MapsRequest().range_of(20) == range(20)
    assert MapsRequest(steps=0.25).range_of(20) == range(5)
    with pytest.raises(SettingsError, match="selects none of 4 steps; give a larger fraction"):
        MapsRequest(steps=0.2).range_of(4)
