"""Any decoded picture as 8-bit RGB, upright; it needs nothing but Pillow, for it runs beside the decoder."""

import io

from PIL import Image, ImageChops

_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SAID = {"CMYK": "CMYK", "P": "a palette", "PA": "a palette", "L": "grey", "LA": "grey", "1": "black and white"}


def upright_rgb(image: Image.Image, orientation: int, profile: bytes | None) -> tuple[Image.Image, list[str]]:
    """A picture in RGB, sRGB and the right way up, and what was changed for that, in words.

    Alpha is laid on white. Raises `ValueError` for a mode that is not of pictures.

    >>> picture, notes = upright_rgb(Image.new("L", (4, 2)), 6, None)
    >>> picture.mode, picture.size, notes
    ('RGB', (2, 4), ['grey: converted to RGB', 'turned upright, as its EXIF data says'])
    """
    notes = []
    if image.mode.startswith("I") or image.mode == "F":
        image = _eight_bits(image)
    if image.mode in _SAID:
        notes.append(f"{_SAID[image.mode]}: converted to RGB")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image, seen = _on_white(image)
        notes += ["transparent in places: laid on white"] if seen else []
    if profile is not None and image.mode in ("RGB", "CMYK", "L"):
        image, told = _srgb(image, profile)
        notes += told
    if image.mode != "RGB":
        image = image.convert("RGB")
    if orientation in _TURNS:
        image = image.transpose(_TURNS[orientation])
        notes.append("turned upright, as its EXIF data says")
    return image, notes


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
