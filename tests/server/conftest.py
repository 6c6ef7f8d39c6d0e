from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from wordbrush import Editor
from wordbrush.server.app import make_app


@pytest.fixture(scope="session")
def editor() -> Editor:
    return Editor.from_pretrained()


@pytest.fixture
def client(editor: Editor) -> Iterator[TestClient]:
    with TestClient(make_app(editor, page=True), base_url="http://localhost:7860") as client:
        yield client
