"""The palette reads on white and on JupyterLab's dark page, and curves differ without color."""

import numpy as np
import pytest

from rmkit.notebook import theme

PAGES = {"white": "#ffffff", "dark": "#111111"}  # JupyterLab's backgrounds behind an output


def luminance(color: str) -> float:
    """Relative luminance, WCAG 2.1."""
    channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return float(np.dot([0.2126, 0.7152, 0.0722], linear))


def contrast(a: str, b: str) -> float:
    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("color", [*theme.PALETTE, theme.INK])
def test_colors_read_on_both_pages(color, page):
    assert contrast(color, PAGES[page]) >= (4.2 if color == theme.INK else 3)


def test_the_contrast_is_the_known_one():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
BLIND = {
    "no green cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.01182, 0.04294, 0.968881],
    ],
    "no red cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
}


@pytest.mark.parametrize("eyes", BLIND)
def test_the_first_five_colors_stay_apart(eyes):
    def seen(color):
        channels = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]) ** 2.2
        return np.clip(BLIND[eyes] @ channels, 0, 1) ** (1 / 2.2)

    colors = [seen(color) for color in theme.PALETTE[:5]]
    assert min(np.linalg.norm(a - b) for i, a in enumerate(colors) for b in colors[:i]) > 0.15


def test_six_curves_have_six_dashes():
    assert len({theme.line([0], [0], "c", i).line.dash for i in range(6)}) == 6


def test_a_band_closes_around_its_curve():
    band = theme.band([0, 1], [1, 2], [3, 4])
    assert list(band.x) == [0, 1, 1, 0]
    assert list(band.y) == [3, 4, 2, 1]
