import subprocess
import sys

import pytest

import wordbrush.notebook
from wordbrush.errors import MissingPackageError


def test_a_missing_package_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    with pytest.raises(MissingPackageError, match=r"needs ipywidgets.*pip install 'wordbrush\[notebook\]'"):
        from wordbrush.notebook import EditPanel  # noqa: F401


def test_nothing_else_needs_it():
    code = (
        "import sys; sys.modules['ipywidgets'] = sys.modules['IPython'] = None; "
        "import wordbrush.notebook, wordbrush.editor, wordbrush.cli.app"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_other_names_are_not_there():
    with pytest.raises(AttributeError, match="no attribute 'Panel'"):
        wordbrush.notebook.Panel  # noqa: B018
