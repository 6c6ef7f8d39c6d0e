"""The body of a request: of the right type, and no longer than it may be."""

from collections.abc import Collection

from starlette.requests import Request

from wordbrush.server.problems import Problem

MAX_JSON_BYTES = 256 << 10


async def json_body(request: Request) -> bytes:
    """The bytes of a JSON body. Raises `Problem` 415 or 413."""
    return await limited_body(request, ("application/json",), MAX_JSON_BYTES)


async def limited_body(request: Request, media_types: Collection[str], max_bytes: int) -> bytes:
    """The bytes of a body of one of these types. Raises `Problem` 415 for another, 413 for a longer one.

    The type is also what keeps other sites out: a browser asks first before a page may send one of these elsewhere.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in media_types:
        raise Problem(415, f"the content type is '{media_type:.60}'; send {' or '.join(media_types)}")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > max_bytes:
            raise Problem(413, f"the body is longer than {max_bytes >> 10} KiB; send less")
    return bytes(body)
