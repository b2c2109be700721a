"""One picture of any size and colours as training, test and prediction see it: one rule for all.

Turned as its camera says. Transparent parts lie on white, grey is repeated over three channels,
palettes are looked up, 16 bits are scaled to 8. Then the shorter side is resized to the size that
is asked for (Lanczos), and the centre is cut out of the longer one.
"""

import io
import warnings

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

Pixels = npt.NDArray[np.uint8]
Extent = tuple[int, int]  # width and height


def decode(content: bytes, size: int) -> tuple[Pixels, Extent]:
    """An image (size, size, 3), and the width and height that it had.

    Raises:
        Exception: of any type, because decoders of fifty formats fail in every possible way.
    """
    with warnings.catch_warnings():
        # A picture so large that Pillow suspects an attack counts as undecodable.
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(io.BytesIO(content)) as image:
            image.load()
            # Pillow gives 16 bits of these as 32, in which a dark picture looks like one of 8.
            deep = image.mode == "I" and image.format in ("PPM", "PNG")
            picture = upright(image)
            return fitted(in_colour(picture, deep=deep), size), picture.size


def reason(error: Exception) -> str:
    """An error on one line, without the address of the buffer that Pillow mentions."""
    text = " ".join(str(error).split()) or type(error).__name__
    return "unknown format" if text.startswith("cannot identify image file") else text


def fitted(picture: Image.Image, size: int) -> Pixels:
    """The middle of an RGB picture in ``size`` x ``size`` pixels."""
    width, height = picture.size
    if (width, height) == (size, size):
        return np.asarray(picture)
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    middle = (left, top, left + side, top + side)
    return np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS, box=middle))


def resize_note(extent: Extent, size: int) -> str:
    """How an image was made to fit, empty where nothing was needed."""
    width, height = extent
    if (width, height) == (size, size):
        return ""
    cut = "" if width == height else ", the centre of it"
    return f"resized from {width} x {height} to {size} x {size}{cut}"


def upright(image: Image.Image) -> Image.Image:
    """The image turned as its camera says; as it is where it says nothing that can be read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # damaged notes of a camera do not concern the pixels
        try:
            return ImageOps.exif_transpose(image)
        except Exception:  # they fail in every possible way
            return image


def in_colour(picture: Image.Image, *, deep: bool = False) -> Image.Image:
    """The picture in 8-bit RGB.

    deep: its grey levels have 16 bits, even if they are all small.

    Raises:
        ValueError: grey levels of which it is not known what is white.
    """
    if picture.mode == "RGB" and "transparency" not in picture.info:
        return picture
    if picture.mode.startswith(("I", "F")):
        values = np.asarray(picture, np.float64)
        if not np.isfinite(values).all():
            raise ValueError("some of its grey levels are no finite numbers")
        # Read as 0 to 255, a picture with 1 for white would be black.
        if picture.mode == "F" and values.any() and values.max() <= 1:
            raise ValueError(
                f"its grey levels are fractions up to {values.max():.3g}, and 255 is white; save "
                "it with 8 or 16 bits"
            )
        # More than 8 bits are scaled; Pillow would cut them off at 255.
        deep = deep or picture.mode.startswith("I;16") or values.max() > 255
        grey = np.clip(values / (65535 if deep else 255) * 255, 0, 255).round().astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if "A" in picture.getbands() or "transparency" in picture.info:
        layers = picture.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers).convert("RGB")
    return picture.convert("RGB")
