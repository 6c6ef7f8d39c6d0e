"""Pictures by session and id: nobody finds another session's, and all together keep within a budget of bytes."""

from dataclasses import replace

from wordbrush.server.budget import ByteBudget
from wordbrush.server.kept import Kept
from wordbrush.server.picture import Picture
from wordbrush.server.problems import Problem


class Shelf:
    """The pictures of all sessions; with `kept` they are on the disk too, and those of an earlier server are here."""

    def __init__(self, max_bytes: int, kept: Kept | None = None) -> None:
        """An empty shelf, or what was kept."""
        self._pictures = ByteBudget[tuple[str, str], Picture](max_bytes)
        self._kept = kept
        for session, picture in kept.pictures() if kept else ():
            self._place(session, picture)

    def put(self, session: str, picture: Picture) -> str:
        """Keep a picture; returns its id."""
        if self._kept is not None:
            self._kept.put_picture(session, picture)
        self._place(session, picture)
        return picture.id

    def _place(self, session: str, picture: Picture) -> None:
        gone = self._pictures.put((session, picture.id), picture, picture.bytes)
        if self._kept is not None and gone:
            self._kept.drop_pictures(id_ for _, id_ in gone)

    def get(self, session: str, id_: str) -> Picture:
        """A session's picture. Raises `Problem` 404."""
        picture = self._pictures.get((session, id_))
        if picture is None:
            raise Problem(404, f"there is no picture '{id_:.40}' here; make it again, or upload it again")
        return picture

    def drop(self, session: str, id_: str) -> list[str]:
        """Let go of a session's picture, and of what was made of it. Returns the ids of all. Raises `Problem` 404."""
        self.get(session, id_)
        gone = [id_]
        for picture in self.of(session):  # what is made of a picture comes after it
            if picture.source in gone or picture.photo in gone:
                gone.append(picture.id)
        if self._kept is not None:
            self._kept.drop_pictures(gone)
        for each in gone:
            self._pictures.drop((session, each))
        return gone

    def rename(self, session: str, id_: str, name: str) -> Picture:
        """Give a session's picture a name. Raises `Problem` 404."""
        named = replace(self.get(session, id_), name=name)
        self.put(session, named)
        return named

    def of(self, session: str) -> list[Picture]:
        """All pictures of a session, in the order in which they were made."""
        mine = [picture for (owner, _), picture in self._pictures.items() if owner == session]
        return sorted(mine, key=lambda picture: picture.number)
