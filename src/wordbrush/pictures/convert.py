"""Any decoded picture as 8-bit RGB, upright. It imports nothing but Pillow: it runs in the decoder's process."""

import io

from PIL import ExifTags, Image, ImageChops

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MODES = {"CMYK": "CMYK", "P": "a palette", "PA": "a palette", "L": "grey", "LA": "grey", "1": "black and white"}


def upright_rgb(image: Image.Image) -> tuple[Image.Image, list[str]]:
    """A picture in RGB, in sRGB and the right way up, and notes on what was changed.

    Alpha is laid on white. It is turned as Pillow's `ImageOps.exif_transpose` turns it: by EXIF, else by XMP.
    Raises `ValueError` for pixels that are fractions.

    >>> sideways = Image.new("L", (4, 2))
    >>> sideways.getexif()[ExifTags.Base.Orientation] = 6
    >>> picture, notes = upright_rgb(sideways)
    >>> picture.mode, picture.size, notes
    ('RGB', (2, 4), ['grey: converted to RGB', 'turned upright, as its metadata says'])
    """
    notes = []
    turn, profile = _turn(image), image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
    if image.mode in _MODES:
        notes.append(f"{_MODES[image.mode]}: converted to RGB")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image, transparent = _on_white(image)
        notes += ["transparent in places: laid on white"] if transparent else []
    if profile and image.mode in ("RGB", "CMYK", "L"):
        image, converted = _srgb(image, profile)
        notes += converted
    if image.mode != "RGB":
        image = image.convert("RGB")
    if turn is not None:
        image = image.transpose(turn)
        notes.append("turned upright, as its metadata says")
    return image, notes


def _turn(image: Image.Image) -> Image.Transpose | None:
    """How to turn a picture upright; None where its metadata does not say, or is damaged."""
    try:
        return _TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # Pillow raises a dozen types for damaged metadata, which is no reason to refuse a picture
        return None


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("its pixels are fractions; save it with 8 or 16 bits")
    return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")


def _on_white(image: Image.Image) -> tuple[Image.Image, bool]:
    image = image.convert("RGBA")
    alpha = image.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return image.convert("RGB"), False
    flat = Image.new("RGB", image.size, (255, 255, 255))
    flat.paste(image, mask=alpha)
    return flat, True


def _srgb(image: Image.Image, profile: bytes) -> tuple[Image.Image, list[str]]:
    from PIL import ImageCms

    try:
        given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        name = " ".join(ImageCms.getProfileDescription(given).split())
        if image.mode == "RGB" and "srgb" in name.casefold():
            return image, []
        converted = ImageCms.profileToProfile(image, given, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image, ["its colour profile cannot be used and was left out"]
    assert converted is not None
    readable = "".join(letter for letter in name if letter.isprintable())[:60]
    same = ImageChops.difference(image, converted).getbbox() is None if image.mode == "RGB" else False
    return converted, [] if same else [f"its colours were converted from '{readable}' to sRGB"]
