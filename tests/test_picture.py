"""The README's moving picture: small, of one piece, in words too, and drawn from what it is given."""

import importlib.util
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from rmkit.pocket import pool

FOLDER = Path(__file__).parents[1] / "docs"
SVG = "{http://www.w3.org/2000/svg}"
spec = importlib.util.spec_from_file_location("picture", FOLDER / "picture.py")
picture = importlib.util.module_from_spec(spec)
spec.loader.exec_module(picture)


def test_the_picture_of_the_readme_is_small_moves_and_asks_for_nothing():
    text = (FOLDER / "picture.svg").read_text(encoding="utf-8")
    assert len(text) < 400_000
    assert text.count("http") == 1  # the name of the format
    assert "<script" not in text
    root = ElementTree.fromstring(text)
    assert root.find(f"{SVG}title").text
    assert f"{max(picture.WRONG)} % turned round" in root.find(f"{SVG}desc").text
    assert {each.get("repeatCount") for each in root.iter(f"{SVG}animate")} == {"indefinite"}


def test_what_it_shows_can_be_computed_anew(monkeypatch):
    small = {"PROMPTS": 2, "DRAWS": 8, "SEEDS": 2, "WRONG": (0, 40), "NS": [1, 4]}
    for name, value in small.items():
        monkeypatch.setattr(picture, name, value)
    curves = picture.compute()
    assert list(curves) == [0, 40]
    assert curves[0].shape == (2,)
    assert curves[0][0] == curves[40][0] == pytest.approx(pool().gold[:2, :8].mean())


def test_it_shows_what_it_is_given():
    rising, hump = np.linspace(0.5, 0.8, 10), np.array([0.5, 0.6, 0.7, 0.6, 0.5, 0.5, 0.5, 0.5, 0.5, 0.45])
    text = picture.draw({0: rising, 40: hump})
    assert "0 % turned round: best at n = 512, reward 0.80<" in text
    assert "40 % turned round: best at n = 4, reward 0.70; at n = 512 it is 0.45<" in text
    now = next(p for p in ElementTree.fromstring(text).iter(f"{SVG}path") if p.get("class") == "now")
    heights = [float(point.split()[1]) for point in now.get("d")[1:].split(" L")]
    assert heights == sorted(heights, reverse=True)  # a reward that rises is drawn upward
    steps = now.find(f"{SVG}animate").get("values").split(";")
    assert steps[0] == steps[1] == steps[-1] == now.get("d") != steps[2]
