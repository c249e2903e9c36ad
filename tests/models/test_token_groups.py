"""Tokens of a set in Arrow tables are the tokens that were made, whichever way they are kept."""

import random

import numpy as np
import pytest
from rmkit.preferences import Preferences, Record
from tiny import load, tiny_model, tiny_tokenizer, toy

from rmkit.data import stored
from rmkit.errors import InputError
from rmkit.models import encoding, templates
from rmkit.models.chat import FOLDED, PARTED
from rmkit.models.packing import TokenGroup
from rmkit.models.steps import UNREAD
from rmkit.models.token_groups import CHUNK, SCHEMA, TokenGroups, batch_of


def made(n: int, seed: int = 0, steps: bool = False) -> list[TokenGroup]:
    rng = random.Random(seed)

    def tokens(least: int) -> list[int]:
        return [rng.randrange(60_000) for _ in range(rng.randint(least, 9))]

    groups = []
    for number in range(n):
        k = rng.randint(1, 4)
        group = TokenGroup(tokens(0), [tokens(1) for _ in range(k)], index=number)
        if number % 5 == 0:
            group.prompt_cut, group.responses_cut = True, tuple(rng.random() < 0.5 for _ in range(k))
        if number % 7 == 0:
            group.responses.append(list(group.responses[0]))
            group.responses_cut = ()
        group.notes = rng.choice([(), (FOLDED,), (FOLDED, PARTED)])
        if steps:
            group.steps = [
                [UNREAD if rng.random() < 0.2 else rng.randrange(9)] * rng.randrange(3)
                for _ in group.responses
            ]
        groups.append(group)
    return groups


def table_of(groups: list[TokenGroup]) -> TokenGroups:
    parts = [groups[i : i + CHUNK] for i in range(0, len(groups), CHUNK)]
    return TokenGroups(stored.table("tokens", None, SCHEMA, lambda: map(batch_of, parts)))


def plain(group: TokenGroup) -> tuple:
    cut = group.responses_cut or (False,) * len(group.responses)
    return (
        group.prompt,
        group.responses,
        group.prompt_cut,
        cut,
        group.index,
        group.pair,
        group.notes,
        group.steps,
    )


@pytest.mark.parametrize("steps", [False, True])
def test_groups_come_back_as_they_were_made(steps):
    groups = made(2 * CHUNK + 5, steps=steps)
    found = table_of(groups)
    assert [plain(group) for group in found] == [plain(group) for group in groups]
    assert found.column("packed").tolist() == [len(group) for group in groups]
    assert found.column("padded").tolist() == [group.padded_tokens for group in groups]
    cuts = {(i, *cut) for i, group in enumerate(groups) for cut in group.cuts().items()}
    assert {(i, what, done) for what, done, cut in found.cuts() for i in np.flatnonzero(cut)} == cuts
    assert found.column("same").tolist() == [bool(group.same()) for group in groups]
    assert found.notes() == [FOLDED, PARTED]


def test_a_choice_of_groups_keeps_their_order_and_their_records():
    groups = made(CHUNK + 50)
    found = table_of(groups)
    chosen = [CHUNK + 3, 4, 4, 0, CHUNK - 1]
    assert [plain(group) for group in found.take(chosen)] == [plain(groups[i]) for i in chosen]
    assert found.take(chosen).column("packed").tolist() == [len(groups[i]) for i in chosen]
    assert [group.index for group in found[5:1:-2]] == [5, 3]
    assert found.take(chosen).take([1])[0].index == 4


def test_a_digest_is_of_every_token_and_of_nothing_else():
    groups = made(CHUNK + 50)
    whole, digests = table_of(groups), set()
    odd = list(range(1, len(groups), 2))
    assert whole.take(odd).digest() == table_of([groups[i] for i in odd]).digest()
    for change in ("token", "border", "order"):
        other = made(CHUNK + 50)
        last = other[-1]
        if change == "token":
            last.responses[0][0] += 1
        elif change == "border":
            last.responses = [last.responses[0] + [1], [2]]
            digests.add(table_of(other).digest())
            last.responses = [last.responses[0][:-1], [1, 2]]
        else:
            other[-1], other[-2] = other[-2], other[-1]
        digests.add(table_of(other).digest())
    assert len(digests | {whole.digest()}) == 5


def test_a_digest_knows_where_steps_end():
    groups = made(CHUNK + 50, steps=True)
    whole, digests = table_of(groups), {table_of(made(CHUNK + 50)).digest()}
    odd = list(range(1, len(groups), 2))
    assert whole.take(odd).digest() == table_of([groups[i] for i in odd]).digest()
    for steps in ([[1, 2], [3]], [[1], [2, 3]], [[1, 2], [UNREAD]]):
        groups[-1].responses, groups[-1].responses_cut, groups[-1].steps = [[1] * 9] * 2, (), steps
        digests.add(table_of(groups).digest())
    assert len(digests | {whole.digest()}) == 5


def solution(steps: list[str] | None, text: str = "otters eat fish . so fish") -> Record:
    labels = None if steps is None else [[1] * len(steps)]
    return Record("what do otters eat", [text], correct=[True], steps=steps and [steps], step_labels=labels)


def test_steps_have_an_entry_of_their_own_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RMKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(encoding, "LARGE", 1)
    tokenizer = tiny_tokenizer(chat=True)
    found = []
    for parts in (["otters eat fish .", "so fish"], ["otters eat", "fish . so fish"]):
        rows = Preferences([solution(parts)])
        for _ in range(2):
            (with_steps,), _ = encoding.encode(tokenizer, rows, 64, steps=True)
            (without,), _ = encoding.encode(tokenizer, rows, 64)
            assert without.steps is None
            found.append(with_steps.steps)
    assert found[0] == found[1] != found[2] == found[3]
    assert len(list((tmp_path / "tokens").glob("*.arrow"))) == 3


def test_what_training_may_lack_scoring_may_not_though_it_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("RMKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(encoding, "LARGE", 1)
    rows = Preferences([solution(["otters eat fish .", "so fish"]), solution(None, "legs")])
    groups, _ = encoding.encode(tiny_tokenizer(), rows, 64, steps=True)
    assert [len(group.steps[0]) for group in groups] == [2, 0]
    with pytest.raises(InputError, match="record 2 has no `steps`"):
        encoding.encode(tiny_tokenizer(), rows, 64, training=False, steps=True)


def test_tokens_of_a_large_set_are_made_once(tmp_path, monkeypatch):
    monkeypatch.setenv("RMKIT_CACHE", str(tmp_path / "cache"))
    model, data = load(tiny_model(tmp_path / "llama")), toy(30)
    expected = [plain(group) for group in model.encode(data)[0]]
    monkeypatch.setattr(encoding, "LARGE", 1)
    first, ledger = model.encode(data)
    with monkeypatch.context() as closed:
        closed.setattr(encoding, "encode_groups", None)  # it would be an error to tokenize again
        again, counted = model.encode(data)
    assert [plain(group) for group in first] == [plain(group) for group in again] == expected
    assert ledger == counted
    assert first.digest() == again.digest()
    file = next((tmp_path / "cache" / "tokens").glob("*.arrow"))
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    file.write_bytes(content)
    assert [plain(group) for group in model.encode(data)[0]] == expected
    model.max_length = 5
    assert model.encode(data)[1].truncated, "another length is another entry"
    assert len(list((tmp_path / "cache" / "tokens").glob("*.arrow"))) == 2


def test_a_refused_record_is_counted_from_the_cache_too(tmp_path, monkeypatch):
    monkeypatch.setenv("RMKIT_CACHE", str(tmp_path))
    monkeypatch.setattr(encoding, "LARGE", 1)
    tokenizer = tiny_tokenizer(chat=True)
    refuses = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    tokenizer.chat_template = refuses + tokenizer.chat_template.replace("m['content']", "m['content']")
    odd = [{"role": "tool", "content": "fish"}]
    monkeypatch.setattr(encoding, "render", lambda t, prompt, *more: _refusing(t, prompt, odd, *more))
    rows = Preferences([Record("why", ["fish", "legs"], [1, 2]), Record(odd, ["fish", "legs"], [1, 2])])
    for _ in range(2):
        groups, ledger = encoding.encode(tokenizer, rows, 64)
        assert [group.index for group in groups] == [0]
        assert ledger.dropped == {"refused by the chat template": 1}
        assert "not this one" in ledger.examples("refused by the chat template")["done"][0]
    with pytest.raises(InputError, match="record 2: not this one"):  # though it lies in the cache
        encoding.encode(tokenizer, rows, 64, training=False)


def _refusing(tokenizer, prompt, odd, *more):
    if prompt == odd:
        raise encoding.TemplateRefusal("not this one")
    return templates.render(tokenizer, prompt, *more)


def test_a_prompt_read_once_gives_the_tokens_of_the_whole(monkeypatch):
    tokenizer = tiny_tokenizer(chat=True)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<user>", "<assistant>", "<end>"]})
    texts = ["why do otters eat", "fish <end> fish", "", "legs"]
    renderings = [templates.render(tokenizer, prompt, ["fish", "legs of  fish"]) for prompt in texts]
    found = templates.tokenize(tokenizer, renderings)
    assert any(templates._shared(tokenizer, renderings)), "this tokenizer allows it"
    monkeypatch.setattr(templates, "_shared", lambda tokenizer, renderings: [0] * len(renderings))
    assert found == templates.tokenize(tokenizer, renderings)


@pytest.mark.parametrize("special", [True, False])
def test_texts_in_one_call_have_the_tokens_of_each_alone(special):
    tokenizer = tiny_tokenizer(chat=True)
    texts = ["why do otters eat", "</s> fish <s>", "", " legs\n", "[PAD] the  a"]
    tokenizer(texts, truncation=True, max_length=2, padding="max_length")  # settings that must not stay
    found = templates._ids(tokenizer, texts, split_special_tokens=special)
    plain = {"add_special_tokens": False, "split_special_tokens": special}
    assert found == [tokenizer(text, **plain).input_ids for text in texts]
    assert found[1] != templates._ids(tokenizer, texts, split_special_tokens=not special)[1]


def test_a_tokenizer_that_does_more_than_its_backend_is_asked_itself(monkeypatch):
    tokenizer = tiny_tokenizer()
    real = type(tokenizer)._encode_plus

    def more(self, text, *given, **options):
        text = [f"why {each}" for each in text] if isinstance(text, list) else f"why {text}"
        return real(self, text, *given, **options)

    monkeypatch.setattr(type(tokenizer), "_encode_plus", more)
    why = tokenizer("", add_special_tokens=False).input_ids
    assert templates._ids(tokenizer, ["fish", "legs"])[1][:1] == why


def test_a_tokenizer_that_reads_across_is_noticed(monkeypatch):
    tokenizer = tiny_tokenizer(chat=True)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<assistant>"]})
    renderings = [templates.render(tokenizer, "why", ["fish", "legs"])]
    real = templates._ids

    def across(tokenizer, text, pair=None, **options):
        found = real(tokenizer, text, pair, **options)
        return [[9, *ids] for ids in found] if isinstance(text, list) else found  # a mark before every text

    assert any(templates._shared(tokenizer, renderings))
    monkeypatch.setattr(templates, "_ids", across)
    assert templates._shared(tokenizer, renderings) == [0]


def test_int32_holds_every_vocabulary():
    group = TokenGroup([2**31 - 1], [[0]])
    assert table_of([group])[0].prompt == [2**31 - 1]
    assert table_of([group])._chunks[0].tokens.dtype == np.int32
