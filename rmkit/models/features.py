"""Frozen features: one vector for each response, from a model that is not trained, kept on disk."""

import contextlib
import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from rmkit.arguments import argument
from rmkit.data.ledger import KEPT, Example, Ledger
from rmkit.data.preferences import Preferences, as_preferences
from rmkit.data.records import Record, ranks_of
from rmkit.device import best_device
from rmkit.errors import InputError
from rmkit.models import encoding, last_layer, layouts
from rmkit.models.hub import loading, resolve, unreachable
from rmkit.models.networks import has_token_types
from rmkit.models.packing import Batch, TokenGroup, batches, budget, encode_group, pack, pad
from rmkit.models.vectors import Vectors
from rmkit.paths import cache_folder

VERSION = 4  # of what is computed here: raise it, and everything on disk is computed anew
LONGEST = 512  # tokens of prompt and response together, where a model does not say itself
UNCUT = 10**9  # tokens that no text has
ROW = 384  # tokens of responses that share a short prompt: more would cost more attention than they save


@dataclass(frozen=True)
class Cut:
    """What a group lost to the length limit: shares of its prompt's and of its responses' tokens (0 to 1),
    and whether two responses with different ranks have become equal, so that nothing can be learned."""

    prompt: float
    responses: float
    equal: bool


class Features(list):
    """One (K, D) float32 tensor for each group, in order.

    cuts    for each group, None or the `Cut` that it lost
    ledger  counts truncated groups, with "prompt cut" and "response cut" apart, and as dropped those whose
            responses are equal after the cut: their features are here, but heads do not train on them
    """

    def __init__(self, tensors: list[Tensor], cuts: list[Cut | None], ledger: Ledger, name: str):
        super().__init__(tensors)
        self.cuts, self.ledger, self.name = cuts, ledger, name

    def lost(self) -> str:
        """How much text is beyond the limit, in one sentence; empty where all was read."""
        cuts = [cut for cut in self.cuts if cut]
        if not cuts:
            return ""
        prompts = [cut.prompt for cut in cuts if cut.prompt]
        responses = [cut.responses for cut in cuts if cut.responses]
        parts = [
            f"{len(shares):,} of {len(self):,} groups lost {100 * sum(shares) / len(shares):.0f} % of {what}"
            for shares, what in ((prompts, "the prompt, at its start"), (responses, "their responses"))
            if shares
        ]
        return "; ".join(parts)

    def __repr__(self) -> str:
        width = self[0].shape[1] if self else 0
        lost = self.lost()
        numbers = f"{self.name}: {len(self):,} groups, D = {width}; {self.ledger.line()}"
        return f"Features({numbers}{'; ' + lost if lost else ''})"


def features(
    preferences,
    model: str | Path = "minilm",
    *,
    layer: int = -1,
    max_length: int | None = None,
    progress: bool = True,
) -> Features:
    """Vectors of every response, read together with its prompt: a list of (K, D) float32.

    preferences: whatever `rmkit.load` takes.
    model: "minilm", "pocket", a folder or a Hub id. A sentence encoder is pooled as its own configuration
        says (other encoders: the mean over tokens); a causal model gives the response's last token.
    layer: which hidden layer, -1 = the last.   max_length: tokens of prompt and response; default: what the
        encoder was made for (MiniLM: 256), else 512. A long prompt loses its start, a long response its end.
    Each text is computed once for the same weights and layer, and then read from the cache.
    """
    preferences, where, layer = (
        as_preferences(preferences),
        resolve(model),
        argument("layer", layer, kind=int),
    )
    if max_length is not None:
        argument("max_length", max_length, kind=int, least=1)
    if not len(preferences):
        raise InputError(f"{preferences.name} has no groups; there is nothing to read.")
    commit = commit_of(where)
    tokenizer = load_part("AutoTokenizer", model, where, commit)
    limit = max_length or _made_for(where, commit, _is_encoder(tokenizer)) or LONGEST
    groups, _ = encoding.encode(tokenizer, preferences, limit, training=False)
    texts = [(tuple(group.prompt), tuple(tail)) for group in groups for tail in group.responses]
    weights = weights_of(where) if commit is None else commit
    store = Vectors(cache_folder() / "features", [VERSION, weights, layer])
    known = store.read(set(texts))
    missing = [text for text in dict.fromkeys(texts) if text not in known]  # pairs may share answers
    if missing:
        computed = _compute(missing, tokenizer, model, where, commit, layer, progress)
        store.add(computed)
        known |= computed
    vectors = torch.stack([known[text] for text in texts])
    cuts = [
        _cut(tokenizer, record, group) if group.truncated else None
        for record, group in zip(preferences, groups, strict=True)
    ]
    counts = [len(record.responses) for record in preferences]
    return Features(list(vectors.split(counts)), cuts, _ledger(preferences, groups, cuts), str(model))


def _cut(tokenizer, record: Record, group: TokenGroup) -> Cut:
    whole = encode_group(tokenizer, record.prompt, record.responses, UNCUT)
    ranks = ranks_of(record)
    unequal = {(i, j) for i, j in group.same() if 0 not in (ranks[i], ranks[j]) and ranks[i] != ranks[j]}
    before, after = (sum(map(len, each.responses)) for each in (whole, group))
    prompt = 1 - len(group.prompt) / len(whole.prompt) if whole.prompt else 0.0
    return Cut(prompt, 1 - after / before, bool(unequal - set(whole.same())))


def _ledger(preferences: Preferences, groups: list[TokenGroup], cuts: list[Cut | None]) -> Ledger:
    ledger = Ledger()
    for record, group, cut in zip(preferences, groups, cuts, strict=True):
        if cut and cut.equal:
            example = Example.of(record, "no head trains on it")
            ledger.drop("identical after the cut", subset=record.subset, example=example)
            continue
        ledger.add(KEPT, subset=record.subset)
        for what, done in group.cuts().items():
            ledger.add(what, subset=record.subset, example=Example.of(record, done))
    return ledger


def load_part(kind: str, model: str | Path, where: str, commit: str | None, **options):
    """The model's "AutoTokenizer" or "AutoModel" at its commit. Raises InputError where it cannot be had."""
    import transformers

    with loading(model):
        return getattr(transformers, kind).from_pretrained(where, revision=commit or "main", **options)


@torch.no_grad()
def _compute(
    texts: list[tuple],
    tokenizer,
    model: str | Path,
    where: str,
    commit: str | None,
    layer: int,
    progress: bool,
) -> dict[tuple, Tensor]:
    """{(prompt tokens, response tokens): (D,) float32}"""
    network = load_part("AutoModel", model, where, commit, dtype=torch.float32).eval()
    layers = network.config.num_hidden_layers
    if not -layers - 1 <= layer <= layers:
        raise InputError(f"layer={layer}: {model} has layers 0 (embeddings) to {layers}, or -1 for the last.")
    device = torch.device(best_device())
    network.to(device)
    pooling = _pooling(where, commit, _is_encoder(tokenizer))
    # A sentence encoder has seen single texts alone, of type 0; other encoders read a pair as one.
    single = _json(where, commit, "modules.json", False) is not None
    pair = has_token_types(network, tokenizer) and not single
    longest = max(len(head) + len(tail) for head, tail in texts)
    shared = pooling.startswith("last") and layouts.shares(network, longest)
    groups = _share(texts) if shared else [TokenGroup(list(a), [list(b)], pair=pair) for a, b in texts]
    at_end = pooling.startswith("last") and layer == -1
    known = {}
    with tqdm(total=len(texts), desc=f"features of {model}", disable=not progress) as bar:
        for indices in batches([len(group) for group in groups], budget(device)):
            some = [groups[i] for i in indices]
            batch = (pack if shared else pad)(some, pad_id=0).to(device)
            with last_layer.read_at(network, batch.ends) if at_end else contextlib.nullcontext():
                states = _hidden(network, batch, layer, pair)
            pooled = _pool(states.float(), batch, pooling).cpu()
            names = [(tuple(group.prompt), tuple(tail)) for group in some for tail in group.responses]
            known |= dict(zip(names, pooled, strict=True))
            bar.update(len(names))
    return known


def _share(texts: list[tuple]) -> list[TokenGroup]:
    """Groups of responses to one prompt, which is read once a group: responses of up to ROW tokens together,
    or as long as the prompt is."""
    groups: dict[tuple, list[TokenGroup]] = {}
    for head, tail in texts:
        own = groups.setdefault(head, [])
        if not own or len(own[-1]) - len(head) + len(tail) > max(ROW, len(head)):
            own.append(TokenGroup(list(head), []))
        own[-1].responses.append(list(tail))
    return [group for own in groups.values() for group in own]


def _hidden(network, batch: Batch, layer: int, pair: bool) -> Tensor:
    """(R, L, D) states of one layer."""
    types = {"token_type_ids": batch.segments} if pair else {}
    output = network(**layouts.inputs(network, batch), output_hidden_states=layer != -1, **types)
    return output.last_hidden_state if layer == -1 else output.hidden_states[layer]


def _pool(hidden: Tensor, batch: Batch, pooling: str) -> Tensor:
    """(R, L, D) hidden states -> (N, D), one vector for each response, in order."""
    kind, _, scale = pooling.partition("+")
    real = batch.groups >= 0
    if kind == "last":
        row, column = batch.last[batch.mask].unbind(-1)
        pooled = hidden[row, column]
    elif kind == "cls":
        pooled = hidden[:, 0]
    elif kind == "max":
        pooled = hidden.masked_fill(~real[..., None], -torch.inf).amax(1)
    else:
        pooled = (hidden * real[..., None]).sum(1) / real.sum(1, keepdim=True)
    return torch.nn.functional.normalize(pooled, dim=-1) if scale else pooled


def _is_encoder(tokenizer) -> bool:
    return tokenizer.cls_token_id is not None and tokenizer.sep_token_id is not None


def _pooling(where: str, commit: str | None, encoder: bool) -> str:
    """ "last", "mean", "cls" or "max", with "+unit" where vectors have length 1."""
    modules = _json(where, commit, "modules.json", encoder)
    if modules is None:
        return "mean" if encoder else "last"
    kinds = {str(module["type"]).rsplit(".", 1)[-1]: module["path"] for module in modules}
    config = _json(where, commit, f"{kinds['Pooling']}/config.json", encoder) if "Pooling" in kinds else {}
    names = {"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens", "last": "lasttoken"}
    chosen = [name for name, flag in names.items() if (config or {}).get(f"pooling_mode_{flag}")]
    if len(chosen) != 1 or set(kinds) - {"Transformer", "Pooling", "Normalize"}:
        raise InputError(f"{where} pools in a way that features cannot: {', '.join(kinds)} {config}.")
    return chosen[0] + ("+unit" if "Normalize" in kinds else "")


def _made_for(where: str, commit: str | None, encoder: bool) -> int | None:
    return (_json(where, commit, "sentence_bert_config.json", encoder) or {}).get("max_seq_length")


def _json(where: str, commit: str | None, name: str, needed: bool):
    """A JSON file of a model's folder, or None where it has no such file."""
    path = Path(where) / name if commit is None else _downloaded(where, commit, name, needed)
    return json.loads(path.read_text(encoding="utf-8")) if path and path.is_file() else None


@lru_cache
def _downloaded(where: str, commit: str, name: str, needed: bool) -> Path | None:
    """A file of a commit on the Hub, which never changes; None where the commit has no such file.

    needed: an encoder's pooling cannot be guessed, so without a network it must be known, or it is an error.
    """
    from huggingface_hub import _CACHED_NO_EXIST, hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    if try_to_load_from_cache(where, name, revision=commit) is _CACHED_NO_EXIST:
        return None
    try:
        return Path(hf_hub_download(where, name, revision=commit))
    except LocalEntryNotFoundError as error:
        if needed:
            raise unreachable(where, error) from error
        return None
    except EntryNotFoundError:
        return None


# --- which weights these are --------------------------------------------------------------------------------


def commit_of(where: str) -> str | None:
    """The commit that a Hub id stands for now; None for a folder.

    A commit's files never change, an id's do: with the commit, features of older weights are not found.
    """
    if Path(where).is_dir():
        return None
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(where, "config.json")).parent.name
    except (OSError, ValueError) as error:
        raise unreachable(where, error) from error


def weights_of(folder: str) -> str:
    """A digest of the content of a model's folder."""
    kinds = (".json", ".safetensors", ".bin")
    files = sorted(path for path in Path(folder).rglob("*") if path.suffix in kinds)
    return _content(tuple((str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files))


@lru_cache
def _content(stamps: tuple[tuple[str, int, int], ...]) -> str:
    # Read once a process, and again when a file's size or time has changed.
    digest = hashlib.sha256()
    for path, _, _ in stamps:
        with open(path, "rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
