"""Frozen features: one vector for each response, from a model that is not trained, kept on disk."""

import hashlib
import json
import os
import tempfile
from functools import lru_cache
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm.auto import tqdm

from rmkit.data.ledger import Ledger
from rmkit.data.preferences import Preferences
from rmkit.errors import InputError
from rmkit.models.hub import quiet, resolve, unreachable
from rmkit.models.packing import TokenGroup, batches, budget, encode_group, pad
from rmkit.paths import cache_folder

VERSION = 3  # of what is computed here: raise it, and everything on disk is computed anew
LONGEST = 512  # tokens of prompt and response together, where a model does not say itself


class Features(list):
    """One (K, D) float32 tensor for each group; `.ledger` counts the groups of which some text was cut."""

    def __init__(self, tensors: list[Tensor], ledger: Ledger, name: str):
        super().__init__(tensors)
        self.ledger, self.name = ledger, name

    def __repr__(self) -> str:
        width = self[0].shape[1] if self else 0
        return f"Features({self.name}: {len(self):,} groups, D = {width}; {self.ledger.line()})"


def features(
    preferences: Preferences,
    model: str | Path = "minilm",
    *,
    layer: int = -1,
    max_length: int | None = None,
    progress: bool = True,
) -> Features:
    """Vectors of every response, read together with its prompt: a list of (K, D) float32.

    model: "minilm", "pocket", a folder or a Hub id. A sentence encoder is pooled as its own configuration
        says (other encoders: the mean over tokens); a causal model gives the response's last token.
    layer: which hidden layer, -1 = the last.   max_length: tokens of prompt and response; default: what the
        encoder was made for (MiniLM: 256), else 512. A long prompt loses its start, a long response its end.
    The same texts, weights and settings are computed once and then read from the cache.
    """
    where = resolve(model)
    limit = max_length or _made_for(where) or LONGEST
    path = cache_folder() / "features" / f"{_key(preferences, where, layer, limit)}.safetensors"
    found = _read(path)
    if found is None:
        found = _compute(preferences, model, where, layer, limit, progress)
        _write(path, found)
    counts = [len(record.responses) for record in preferences]
    ledger = Ledger()
    for record, cut in zip(preferences, found["truncated"].tolist(), strict=True):
        ledger.add("kept", subset=record.subset)
        if cut:
            ledger.add("truncated", subset=record.subset)
    return Features(list(found["features"].split(counts)), ledger, str(model))


@torch.no_grad()
def _compute(
    preferences: Preferences, model: str | Path, where: str, layer: int, limit: int, progress: bool
) -> dict[str, Tensor]:
    """{"features": (all responses, D), "truncated": (groups,)}"""
    from transformers import AutoModel, AutoTokenizer

    try:
        with quiet():
            tokenizer = AutoTokenizer.from_pretrained(where)
            network = AutoModel.from_pretrained(where, dtype=torch.float32).eval()
    except (OSError, ValueError) as error:
        raise unreachable(model, error) from error
    layers = network.config.num_hidden_layers
    if not -layers - 1 <= layer <= layers:
        raise InputError(f"layer={layer}: {model} has layers 0 (embeddings) to {layers}, or -1 for the last.")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device)
    pooling = _pooling(
        where, encoder=tokenizer.cls_token_id is not None and tokenizer.sep_token_id is not None
    )
    groups = [encode_group(tokenizer, r.prompt, r.responses, limit, i) for i, r in enumerate(preferences)]
    texts = [(tuple(group.prompt), tuple(tail)) for group in groups for tail in group.responses]
    known: dict[tuple, Tensor] = dict.fromkeys(texts)  # comparisons of the same answers repeat them
    rows = [TokenGroup(list(head), [list(tail)]) for head, tail in known]
    with tqdm(total=len(rows), desc=f"features of {model}", disable=not progress) as bar:
        for indices in batches([len(row) for row in rows], budget(device)):
            pooled = _forward(network, [rows[i] for i in indices], layer, pooling, device)
            for i, vector in zip(indices, pooled, strict=True):
                known[tuple(rows[i].prompt), tuple(rows[i].responses[0])] = vector
            bar.update(len(indices))
    truncated = torch.tensor([group.truncated for group in groups])
    return {"features": torch.stack([known[text] for text in texts]), "truncated": truncated}


def _forward(network, rows: list[TokenGroup], layer: int, pooling: str, device: torch.device) -> Tensor:
    """(R, D): one vector for each prompt with one response."""
    batch = pad(rows, pad_id=0)  # padding is masked, so any token will do
    real = (batch.groups >= 0).to(device)
    output = network(
        input_ids=batch.input_ids.to(device), attention_mask=real.long(), output_hidden_states=layer != -1
    )
    hidden = output.last_hidden_state if layer == -1 else output.hidden_states[layer]
    return _pool(hidden.float(), real, pooling).cpu()


def _pool(hidden: Tensor, real: Tensor, pooling: str) -> Tensor:
    """(R, L, D) hidden states and (R, L) real tokens -> (R, D)."""
    kind, _, scale = pooling.partition("+")
    if kind == "last":
        pooled = hidden[torch.arange(len(hidden), device=hidden.device), real.sum(1) - 1]
    elif kind == "cls":
        pooled = hidden[:, 0]
    elif kind == "max":
        pooled = hidden.masked_fill(~real[..., None], -torch.inf).amax(1)
    else:
        pooled = (hidden * real[..., None]).sum(1) / real.sum(1, keepdim=True)
    return torch.nn.functional.normalize(pooled, dim=-1) if scale else pooled


def _pooling(where: str, encoder: bool) -> str:
    """ "last", "mean", "cls" or "max", with "+unit" where vectors have length 1."""
    modules = _json(where, "modules.json")
    if modules is None:
        return "mean" if encoder else "last"
    kinds = {str(module["type"]).rsplit(".", 1)[-1]: module["path"] for module in modules}
    config = _json(where, f"{kinds['Pooling']}/config.json") if "Pooling" in kinds else {}
    names = {"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens", "last": "lasttoken"}
    chosen = [name for name, flag in names.items() if (config or {}).get(f"pooling_mode_{flag}")]
    if len(chosen) != 1 or set(kinds) - {"Transformer", "Pooling", "Normalize"}:
        raise InputError(f"{where} pools in a way that features cannot: {', '.join(kinds)} {config}.")
    return chosen[0] + ("+unit" if "Normalize" in kinds else "")


def _made_for(where: str) -> int | None:
    return (_json(where, "sentence_bert_config.json") or {}).get("max_seq_length")


@lru_cache
def _json(where: str, name: str):
    """A JSON file of a model's folder, or None where it has no such file."""
    if Path(where).is_dir():
        path = Path(where) / name
    else:
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

        try:
            path = Path(hf_hub_download(where, name))
        except LocalEntryNotFoundError as error:
            raise unreachable(where, error) from error
        except EntryNotFoundError:
            return None
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


# --- on disk ------------------------------------------------------------------------------------------------


def _key(preferences: Preferences, where: str, layer: int, limit: int) -> str:
    """A digest of everything that features depend on."""
    digest = hashlib.sha256(json.dumps([VERSION, _weights(where), layer, limit]).encode())
    for record in preferences:
        digest.update(json.dumps([record.prompt, record.responses]).encode() + b"\n")
    return digest.hexdigest()[:32]


def _weights(where: str) -> str:
    """What tells a model from another: the content of its files, or a Hub id."""
    if not Path(where).is_dir():
        return where
    files = sorted(
        path for path in Path(where).rglob("*") if path.suffix in (".json", ".safetensors", ".txt")
    )
    stamps = tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files)
    return _content(stamps)


@lru_cache
def _content(stamps: tuple[tuple[str, int, int], ...]) -> str:
    # Read once a process, and again when a file's size or time has changed.
    digest = hashlib.sha256()
    for path, _, _ in stamps:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _read(path: Path) -> dict[str, Tensor] | None:
    if not path.is_file():
        return None
    try:
        return load_file(path)
    except SafetensorError:  # cut short by a full disk, say: compute it again
        return None


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".part")
    os.close(handle)
    save_file(tensors, temporary)
    os.replace(temporary, path)  # whole or not at all
