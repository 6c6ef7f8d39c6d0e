from pathlib import Path

import pytest

from helpers.pair_sets import KnownParts, making_of
from wordbrush import Editor
from wordbrush.pairs.maker import PairMaker
from wordbrush.pairs.making import Making


@pytest.fixture(scope="session")
def tiny_editor(tiny_folder: Path) -> Editor:
    return Editor.from_pretrained(tiny_folder, keep_bytes=0)


@pytest.fixture(scope="session")
def making(tiny_folder: Path, tiny_editor: Editor) -> Making:
    return making_of(tiny_folder, tiny_editor)


@pytest.fixture(scope="session")
def maker(tiny_editor: Editor, making: Making) -> PairMaker:
    return PairMaker(tiny_editor, making)


@pytest.fixture(scope="session")
def known_parts(maker: PairMaker) -> KnownParts:
    return KnownParts(maker)
