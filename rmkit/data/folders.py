"""The data files of a folder, each with its config and split: saved sets, cloned Hub sets, plain folders."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import yaml

from rmkit.data import files
from rmkit.data.splits import KEYWORDS, tail, told
from rmkit.errors import InputError

_SHARD = re.compile(r"(.+)-\d{5}-of-\d{5}(-[0-9a-f]{16})?")
_NUMBER = re.compile(r"[-_.\s]*\d+([-_]?of[-_]?\d+)?$")  # of a part: train_0, train-1-of-2
# What tools write about a set, in place of which no row stands; and what `datasets` keeps from a map.
_ABOUT = re.compile(
    r"(dataset_infos?|dataset_dict|state|metadata|config|croissant|package|tokenizer\w*|\w+_config)\.json"
    r"|cache-[0-9a-f]+(_\d+_of_\d+)?\.arrow"
)


@dataclass(frozen=True)
class Part:
    """A data file, and the config and split that it belongs to, where its place says so.

    name: what the split is called in full: of "train_prefs.jsonl" the split is train, the name train_prefs
    aside: it is read only where its config is asked for.   default: its config is the one that is meant
    """

    path: Path
    split: str | None = None
    config: str | None = None
    name: str | None = None
    aside: bool = False
    default: bool = False

    @classmethod
    def of(cls, path: Path, folders: Sequence[str] = ()) -> "Part":
        """What the names of a file and of the folders around it tell; the nearest name counts."""
        stem = path.name.removesuffix("".join(path.suffixes[-files.suffix(path).count(".") :]))
        shard = _SHARD.fullmatch(stem)
        if shard and shard[1] != "data":  # "data" is what a set saved to disk calls its only split
            return cls(path, shard[1], name=shard[1])
        name = next((name for name in (stem, *reversed(folders)) if told(name)), None)
        return cls(path, told(name), name=_NUMBER.sub("", name)) if name else cls(path)


def parts(folder: Path) -> list[Part]:
    """The data files of a folder.

    A README that lists files by config and split (a cloned Hub set) is followed; else the names of files and
    folders tell. Raises InputError where there is no data file.
    """
    found = _listed_in_readme(folder) or _saved(folder) or _named(folder)
    if not found:
        raise InputError(f"There is no data file in the folder {folder}; {files.ACCEPTED}.")
    return found


def named_apart(found: list[Part]) -> list[Part]:
    """The parts, those of one split under their full names where these differ: train_prefs and train_sft."""
    tails: dict[tuple, set] = {}
    for part in found:
        if part.name:
            tails.setdefault((part.config, part.split), set()).add(tuple(tail(part.name)))
    several = {key for key, different in tails.items() if len(different) > 1}
    return [
        replace(part, split=part.name) if part.name and (part.config, part.split) in several else part
        for part in found
    ]


def _saved(folder: Path) -> list[Part]:
    """A DatasetDict saved to disk: a folder for each split. (A Dataset saved to disk is a plain folder.)"""
    if not (folder / "dataset_dict.json").is_file():
        return []
    below = sorted(child for child in folder.iterdir() if child.is_dir())
    return [Part(part.path, split=child.name) for child in below for part in _named(child)]


def _named(folder: Path) -> list[Part]:
    """The files in a folder, and in the folders below it that are splits; else those in all folders below."""
    here, below = [Part.of(file) for file in _data_files(folder)], _below(folder)
    if any(files.kind(part.path) != ".json" for part in (*here, *below)):
        # Beside other data files, .json without a split is what tools write about them.
        notes = {part for part in here if files.kind(part.path) == ".json" and part.split is None}
    else:
        notes = set()
    data = [part for part in here if part not in notes]
    below = [replace(part, aside=part.aside or bool(data and part.config)) for part in below]
    return [*data, *below, *(replace(part, aside=True) for part in here if part in notes)]


def _below(folder: Path) -> list[Part]:
    """The files in the folders below a folder, which are its splits or its configs."""
    found = []
    for child in sorted(child for child in folder.iterdir() if child.is_dir() and child.name[0] not in "._"):
        as_split, is_word = told(child.name), child.name.lower() in (*KEYWORDS, "data")
        for part in _saved(child) or _named(child):
            if as_split and part.split is None:
                found.append(replace(part, split=as_split, name=child.name))
            elif is_word:
                found.append(part)
            else:
                config = "/".join(name for name in (child.name, part.config) if name)
                found.append(replace(part, config=config))
    return found


def _data_files(folder: Path) -> list[Path]:
    # Hidden files are no data: macOS leaves "._train.jsonl" beside what it unpacks.
    shown = (child for child in folder.iterdir() if child.is_file() and child.name[0] != ".")
    return sorted(child for child in shown if files.kind(child) and not _ABOUT.fullmatch(child.name))


def _listed_in_readme(folder: Path) -> list[Part]:
    """The files that the head of a Hub set's README lists: configs, and their data_files by split."""
    readme = folder / "README.md"
    text = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else ""
    head = re.match(r"\A\ufeff?---\s*\n(.*?)\n---", text, re.DOTALL)
    try:
        about = yaml.load(head[1], Loader=yaml.BaseLoader) if head else None  # all as text: "no" is a name
    except yaml.YAMLError as error:
        raise InputError(f"{readme}: its head is not YAML ({' '.join(str(error).split())}).") from error
    configs = about.get("configs") if isinstance(about, dict) else None
    found = []
    for config in configs if isinstance(configs, list) else []:
        if not isinstance(config, dict):
            continue
        base, default = folder / (config.get("data_dir") or ""), config.get("default") == "true"
        for split, patterns in _data_of(config.get("data_files")):
            paths = sorted({file for pattern in filter(_is_inside, patterns) for file in base.glob(pattern)})
            made = [Part(p, split, config.get("config_name"), default=default) for p in paths]
            found += [part for part in made if files.kind(part.path)]
    return found


def _is_inside(pattern: str) -> bool:
    """Whether a pattern names files of this folder; others lie elsewhere, on the Hub or above."""
    path = PurePosixPath(pattern)
    return bool(pattern) and "://" not in pattern and not path.is_absolute() and ".." not in path.parts


def _data_of(listed: object) -> list[tuple[str, list[str]]]:
    """(split, patterns) from the four ways in which a README lists data files."""
    if isinstance(listed, str):
        return [("train", [listed])]
    if isinstance(listed, dict):
        listed = [{"split": split, "path": paths} for split, paths in listed.items()]
    if not isinstance(listed, list):
        return []
    if all(isinstance(item, str) for item in listed):
        return [("train", listed)]
    paths = [
        (item["split"], item["path"])
        for item in listed
        if isinstance(item, dict) and {"split", "path"} <= set(item)
    ]
    listed_paths = [(split, [path] if isinstance(path, str) else path) for split, path in paths]
    return [(split, [p for p in path if isinstance(p, str)]) for split, path in listed_paths if path]
