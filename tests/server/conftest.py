import json
import shutil
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from helpers.browser import chromium
from wordbrush import Editor
from wordbrush.models.folder import bundled_folder
from wordbrush.models.own_settings import NAME
from wordbrush.server.app import make_app


@pytest.fixture(scope="session")
def editor() -> Editor:
    return Editor.from_pretrained()


@pytest.fixture(scope="session")
def quick_editor(tmp_path_factory: pytest.TempPathFactory) -> Editor:
    """The bundled model, with few steps where nobody says how many: the page is ready soon after it is opened."""
    folder = shutil.copytree(bundled_folder(), tmp_path_factory.mktemp("models") / "quick")
    own = json.loads((folder / NAME).read_text())
    (folder / NAME).write_text(json.dumps({**own, "num_inference_steps": 4}))
    return Editor.from_pretrained(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[object]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def client(editor: Editor) -> Iterator[TestClient]:
    with TestClient(make_app(editor, page=True), base_url="http://localhost:7860") as client:
        yield client
