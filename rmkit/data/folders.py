"""The data files of a folder, each with its config and split: saved sets, cloned Hub sets, plain folders."""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml

from rmkit.data import files
from rmkit.errors import InputError

# As `datasets` recognizes them in the names of files and folders.
_KEYWORDS = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
    "eval": "test",
    "evaluation": "test",
}
_SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}")


@dataclass(frozen=True)
class Part:
    """A data file, and the config and split that it belongs to, where its place says so."""

    path: Path
    split: str | None = None
    config: str | None = None


def parts(folder: Path) -> list[Part]:
    """The data files of a folder.

    A README that lists files by config and split (a cloned Hub set) is followed; else the names of files and
    folders tell. Raises InputError where there is no data file.
    """
    found = _listed_in_readme(folder) or _saved(folder) or _named(folder)
    if not found:
        raise InputError(f"There is no data file in the folder {folder}; {files.ACCEPTED}.")
    return found


def is_split(path: Path) -> str | None:
    """The split that a file's name tells: train.jsonl, my_test.csv, train_prefs-00000-of-00002.parquet."""
    stem = path.name.split(".")[0]
    shard = _SHARD.fullmatch(stem)
    if shard:  # "data" is what a set saved to disk calls its only split
        return None if shard[1] == "data" else shard[1]
    words = [word for word in re.split(r"[-_\s]|\d+", stem.lower()) if word]
    told = {_KEYWORDS[word] for word in words if word in _KEYWORDS}
    return told.pop() if len(told) == 1 else None


def _saved(folder: Path) -> list[Part]:
    """A DatasetDict saved to disk: a folder for each split. (A Dataset saved to disk is a plain folder.)"""
    if not (folder / "dataset_dict.json").is_file():
        return []
    below = sorted(child for child in folder.iterdir() if child.is_dir())
    return [Part(part.path, split=child.name) for child in below for part in _named(child)]


def _named(folder: Path) -> list[Part]:
    """The files in a folder, or those in the folders below it."""
    here = _data_files(folder)
    if here:
        return [Part(file, split=is_split(file)) for file in here]
    found = []
    for child in sorted(child for child in folder.iterdir() if child.is_dir() and child.name[0] not in "._"):
        inside = _saved(child) or _named(child)
        as_split = _KEYWORDS.get(child.name.lower())
        for part in inside:
            if as_split and part.split is None:
                found.append(Part(part.path, as_split, part.config))
            elif as_split or child.name.lower() == "data":
                found.append(part)
            else:
                config = "/".join(name for name in (child.name, part.config) if name)
                found.append(Part(part.path, part.split, config))
    return found


def _data_files(folder: Path) -> list[Path]:
    # Hidden files are no data: macOS leaves "._train.jsonl" beside what it unpacks.
    shown = (child for child in folder.iterdir() if child.is_file() and child.name[0] != ".")
    inside = sorted(child for child in shown if files.kind(child))
    # Beside other data files, .json is what tools write about them (dataset_info.json, state.json).
    return [child for child in inside if files.kind(child) != ".json"] or inside


def _listed_in_readme(folder: Path) -> list[Part]:
    """The files that the head of a Hub set's README lists: configs, and their data_files by split."""
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else ""
    head = re.match(r"\A---\s*\n(.*?)\n---", text, re.DOTALL)
    try:
        told = yaml.safe_load(head[1]) if head else None
    except yaml.YAMLError as error:
        raise InputError(f"{readme}: its head is not YAML ({' '.join(str(error).split())}).") from error
    configs = told.get("configs") if isinstance(told, dict) else None
    found = []
    for config in configs if isinstance(configs, list) else []:
        for split, patterns in _data_of(config.get("data_files")):
            base = folder / (config.get("data_dir") or "")
            paths = sorted({file for pattern in patterns for file in base.glob(pattern)})
            found += [Part(p, split, config.get("config_name")) for p in paths if files.kind(p)]
    return found


def _data_of(listed: object) -> list[tuple[str, list[str]]]:
    """(split, patterns) from the three ways in which a README lists data files."""
    if isinstance(listed, str):
        return [("train", [listed])]
    if not isinstance(listed, list):
        return []
    if all(isinstance(item, str) for item in listed):
        return [("train", listed)]
    paths = [
        (item["split"], item["path"])
        for item in listed
        if isinstance(item, dict) and {"split", "path"} <= set(item)
    ]
    return [(split, [path] if isinstance(path, str) else path) for split, path in paths]
