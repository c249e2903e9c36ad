"""The pocket language model: its text, its tokenizer, its training, and the shipped weights' abilities."""

import hashlib
import random
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rmkit.packing import encode_group
from torch.nn import functional as F
from transformers import AutoModelForCausalLM, AutoTokenizer

from rmkit import pocket
from rmkit.models.hub import resolve
from rmkit.paths import data_folder
from rmkit.pocket import (
    answers,
    corpus,
    facts,
    grader,
    language_model,
    muon,
    pretraining,
    probes,
    questions,
    rows,
    samples,
)
from rmkit.pocket import tokenizer as words

FOLDER = data_folder() / "pocket" / "model"
TINY = pretraining.Recipe(
    sittings=(2, 3),
    tokens=512,
    processes=1,
    width=32,
    layers=1,
    heads=2,
    inner=48,
    warmup=1,
    stages=(1, 2),
    pool=32,
)


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(resolve("pocket"))


@pytest.fixture(scope="module")
def encoder(tokenizer):
    return words.Encoder(tokenizer)


@pytest.fixture(scope="module")
def model():
    return AutoModelForCausalLM.from_pretrained(resolve("pocket")).eval()


@pytest.fixture(scope="module")
def documents():
    return list(islice(corpus.documents(random.Random(11), corpus.STAGES[-1]), 900))


GRADED = tuple(f"{corpus.END} {word}" for word in corpus.GRADES)


# ---------------------------------------------------------------- the text


def graded(seed: int, n: int, **options):
    rng = random.Random(seed)
    for _ in range(n):
        asked = questions.make(rng.choice(questions.KINDS), rng, **options)
        text = answers.compose(asked, rng).text
        yield asked, text, grader.grade(asked, text)


def test_one_seed_one_corpus(documents):
    again, other = (
        list(islice(corpus.documents(random.Random(s), corpus.STAGES[-1]), 900)) for s in (11, 12)
    )
    assert documents == again
    assert documents != other


def test_no_text_of_the_plain_model_judges_an_answer_at_one_word():
    for stage, mix in enumerate(corpus.STAGES):
        made = islice(corpus.documents(random.Random(stage), mix), 300)
        texts = ["".join(piece.text for piece in document) for document in made]
        judged = sum(text.endswith(GRADED) or corpus.COMPARE in text for text in texts)
        assert (judged > 100) == (stage == len(corpus.STAGES) - 1)
    assert pretraining.Recipe().stages[-1] == pretraining.Recipe().sittings[0]


def test_every_kind_of_judgment_occurs(documents):
    texts = ["".join(piece.text for piece in document) for document in documents]
    assert sum(corpus.CRITIQUE in text for text in texts) > 150
    assert sum(corpus.COMPARE in text for text in texts) > 30
    assert sum(text.endswith(GRADED) for text in texts) > 300
    assert sum(text.count(corpus.USER) == 2 for text in texts) > 7


def test_held_out_prompts_never_occur(documents):
    prompts = [document[1].text for document in documents if "Visitor:" in document[1].text]
    assert len(prompts) > 525
    assert {rows.part_of(prompt) for prompt in prompts} == {"train"}


def test_unseen_animals_only_in_shuffled_worlds():
    rng = random.Random(3)
    for _ in range(300):
        assert corpus.question(rng, None).animal not in facts.UNSEEN
    table = corpus.shuffled_table(rng)
    named = {corpus.question(rng, table).animal for _ in range(300)}
    assert named & set(facts.UNSEEN)


def test_a_shuffled_table_deals_every_attribute_anew():
    table = corpus.shuffled_table(random.Random(0))
    for attribute in facts.ATTRIBUTES:
        dealt = [table[animal][attribute] for animal in facts.ANIMALS]
        true = [facts.FACTS[animal][attribute] for animal in facts.ANIMALS]
        assert sorted(dealt) == sorted(true)
        assert dealt != true


def test_a_grade_is_a_band_of_the_gold_reward():
    golds = np.linspace(0, 1, 500)
    ranks = [corpus.GRADES.index(corpus.grade_word(gold)) for gold in golds]
    assert ranks == sorted(ranks)
    assert set(ranks) == set(range(len(corpus.GRADES)))


def test_a_critique_names_every_claim_in_order_and_then_sums_up():
    for _, _, grade in graded(5, 200):
        *said, last = corpus.critique(grade).split(". ")
        assert last == f"So: {corpus.grade_word(grade.gold)}"
        claims = [entry for entry in said if entry.split(": ")[-1] in corpus.VERDICTS]
        wanted = [
            f"{'perhaps ' * j.claim.hedged}{j.words}: {j.verdict.replace('off-topic', 'extra')}"
            for j in sorted(grade.claims, key=lambda j: j.sentence)
        ]
        assert claims == wanted
        assert [e for e in said if e.startswith("missing")] == [f"missing: {m}" for m in grade.missing]


def test_an_answer_without_reproach_is_good():
    blameless = [
        grade.gold
        for *_, grade in graded(6, 1000)
        if all(verdict == "right" and "perhaps" not in what for what, verdict in corpus.entries(grade))
    ]
    assert len(blameless) > 62
    assert min(blameless) > 0.9


def test_critique_pieces_spell_the_critique():
    for *_, grade in graded(7, 50):
        assert "".join(p.text for p in corpus.critique_pieces(grade)).strip() == corpus.critique(grade)


# ---------------------------------------------------------------- the tokenizer


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_comes_back(text):
    tokenizer = _tokenizer()
    ids = tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids
    assert tokenizer.decode(ids) == text


_LOADED = []


def _tokenizer():
    if not _LOADED:
        _LOADED.append(AutoTokenizer.from_pretrained(resolve("pocket")))
    return _LOADED[0]


def test_words_of_the_world_are_single_tokens(encoder):
    names = [*facts.ANIMALS, *(v for a in facts.ATTRIBUTES for v in facts.VALUES[a])]
    judging = [*corpus.GRADES, *corpus.VERDICTS, "A", "B"]
    assert [word for word in [*names, *judging] if len(encoder.text(f" {word}")) != 1] == []


def test_the_quick_encoder_equals_the_tokenizer(tokenizer, encoder, documents):
    for document in documents[:150]:
        for piece in document:
            wanted = tokenizer(piece.text, add_special_tokens=False).input_ids
            assert encoder.pieces([piece])[0] == wanted


def test_a_message_cannot_forge_a_mark(tokenizer):
    forged = "Hello" + "".join(corpus.MARKS)
    group = encode_group(tokenizer, forged, [forged])
    special = set(tokenizer.all_special_ids)
    assert [i for i in group.prompt if i in special] == tokenizer.convert_tokens_to_ids(
        [corpus.USER, corpus.ASSISTANT]
    )
    assert [i for i in group.responses[0] if i in special] == [tokenizer.eos_token_id]


def test_pretraining_writes_what_a_reward_model_reads(tokenizer, encoder):
    for asked, text, _ in graded(8, 30):
        group = encode_group(tokenizer, asked.prompt, [text])
        pieces = (corpus.USER, asked.prompt, corpus.ASSISTANT, text, corpus.END)
        ids, _ = encoder.pieces([corpus.Piece(piece) for piece in pieces])
        assert group.prompt + group.responses[0] == ids


def test_a_conversation_as_chat_messages(tokenizer):
    messages = [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hello"},
        {"role": "assistant", "content": "Fish."},
        {"role": "user", "content": "Why?"},
    ]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    assert text == "<|system|>Be kind.<|user|>Hello<|assistant|>Fish.<|end|><|user|>Why?<|assistant|>"


def test_the_tokenizer_is_made_the_same_every_time():
    first, again = (words.train(documents=150, size=500).backend_tokenizer.to_str() for _ in range(2))
    assert first == again


# ---------------------------------------------------------------- training


def test_the_loss_is_the_weighted_mean_over_tokens(tokenizer):
    model = pretraining.network(TINY, tokenizer)
    rng = torch.Generator().manual_seed(0)
    ids = torch.randint(8, len(tokenizer), (4, 33), generator=rng)
    weights = torch.randint(0, 3, (4, 33), generator=rng).float()
    with torch.no_grad():
        each = F.cross_entropy(model(input_ids=ids[:, :-1]).logits.mT, ids[:, 1:], reduction="none")
        wanted = (each * weights[:, 1:]).sum() / weights[:, 1:].sum()
        assert float(pretraining.loss(model, ids, weights)) == pytest.approx(float(wanted), rel=0.02)


def test_batches_hold_every_token_once_and_few_shapes(encoder):
    recipe = replace(TINY, tokens=1024)
    stream = pretraining.batches(encoder, recipe, random.Random(0), lambda: 2)
    shapes = set()
    for ids, weights in islice(stream, 40):
        shapes.add(tuple(ids.shape))
        assert ids.shape == weights.shape
        assert (ids.shape[1] - 1) % 16 == 0
        assert ids.shape[0] * (ids.shape[1] - 1) <= 1024
        ends = [int(row.nonzero().max()) for row in ids]
        assert all(float(weights[row, end + 1 :].sum()) == 0 for row, end in enumerate(ends))
        assert (weights[:, 0] == 0).all()
    assert len(shapes) <= 8


def test_the_same_recipe_gives_the_same_weights(tokenizer, tmp_path):
    kept = []

    def watch(step, model, loss, seconds):
        kept.append((step, loss, {name: p.detach().clone() for name, p in model.named_parameters()}))

    for seed in (0, 0, 1):
        pretraining.run(replace(TINY, seed=seed), tokenizer, watch, every=10)
    assert [step for step, *_ in kept] == [2, 3] * 3  # at the end of each sitting
    (step, loss, first), (_, _, again), (_, _, other) = kept[1::2]
    assert step == 3
    assert 0 < loss < 10
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert any(not torch.equal(first[name], other[name]) for name in first)


def test_the_plain_model_is_kept_where_the_first_sitting_ends(tokenizer, encoder, tmp_path):
    watch = language_model.Watch(tmp_path, encoder, plain_at=2, examples=2)
    pretraining.run(TINY, tokenizer, watch, every=10)
    steps = {n: pd.read_csv(tmp_path / n / language_model.HISTORY).step.tolist() for n in ("model", "plain")}
    assert steps == {"model": [2, 3], "plain": [2]}
    for name in ("model", "plain"):
        language_model.finish(tmp_path / name, TINY)
        card = (tmp_path / name / "README.md").read_text()
        assert "{{" not in card
        assert ("neither a grade" in card) == (name == "plain")


def test_muon_steps_as_torch_does_but_in_float32():
    rng = torch.Generator().manual_seed(0)
    ours, theirs = (
        [torch.nn.Parameter(torch.ones(shape)) for shape in ((8, 8), (24, 8), (8, 24))] for _ in "ab"
    )
    mine, its = muon.Muon(ours, lr=0.1), torch.optim.Muon(theirs, lr=0.1, weight_decay=0.01)
    for _ in range(3):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn(a.shape, generator=rng)
            b.grad = a.grad.clone()
        mine.step()
        its.step()
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, atol=0.02, rtol=0)  # bfloat16 rounds to three digits


def test_processes_that_meet_agree(tokenizer, tmp_path):
    kept = {}

    def watch(step, model, loss, seconds):
        torch.save(model.state_dict(), tmp_path / f"{step}.pt")

    for processes in (1, 2):
        pretraining.run(replace(TINY, processes=processes, meet=1), tokenizer, watch, every=1)
        kept[processes] = torch.load(tmp_path / "3.pt")
    assert any(not torch.equal(kept[1][name], kept[2][name]) for name in kept[1])
    assert all(torch.isfinite(value).all() for value in kept[2].values())


def test_a_pool_comes_back_as_it_was_drawn(tmp_path):
    path = tmp_path / samples.FILE
    asked = list(islice(rows.ask("test", random.Random(0)), 2))
    prompts = [question.prompt for question in asked]
    drawn = [["It eats fish.", "It has four legs.", "It eats fish."], ["No.", "Yes.", "I do not know."]]
    samples.write(path, prompts, drawn, 1.2)
    first = path.read_bytes()
    found = samples.read(path)
    assert (found.prompts, found.responses, found.temperature) == (prompts, drawn, 1.2)
    wanted = [[grader.grade(p, text).gold for text in own] for p, own in zip(prompts, drawn, strict=True)]
    np.testing.assert_allclose(found.gold, wanted, atol=1e-4)
    samples.write(path, prompts, drawn, 1.2)
    assert path.read_bytes() == first


def test_the_rate_rises_stays_and_falls():
    recipe = pretraining.Recipe(warmup=100, decay=0.4)
    rates = [pretraining.schedule(step, 0, 1000, recipe) for step in range(1000)]
    assert rates[0] == pytest.approx(0.01)
    assert set(rates[100:600]) == {1.0}
    assert all(a > b for a, b in pairwise(rates[600:]))
    assert 0 < rates[-1] < 0.01
    again = [pretraining.schedule(step, 1000, 1500, recipe) for step in range(1000, 1500)]
    assert again[0] == pytest.approx(0.01)
    assert max(again) == pytest.approx(0.715, abs=0.01)  # where the rise meets (1500 - step) / (0.4 * 1500)
    assert 0 < again[-1] < 0.01


def test_a_statement_drill_says_what_the_card_says():
    rng = random.Random(3)
    table = corpus.shuffled_table(rng)
    verdicts = []
    for _ in range(40):
        pieces = corpus.statement_drill(rng, table)
        told = questions.read(pieces[1].text).card
        for statement, verdict in zip(pieces[3::2], pieces[4::2], strict=True):
            (unit,) = grader.grade(pieces[1].text, statement.text.strip()).units
            animal, attribute, value = unit.claims[0].of
            assert verdict.text == (" right" if told[animal, attribute] == value else " wrong")
            verdicts.append(verdict.text)
    assert 0.35 < np.mean([verdict == " right" for verdict in verdicts]) < 0.65


def test_a_step_drill_calculates_as_the_card_says():
    rng = random.Random(4)
    verdicts, kinds = [], set()
    for _ in range(40):
        pieces = corpus.step_drill(rng, corpus.shuffled_table(rng))
        asked = questions.read(pieces[1].text)
        for statement, verdict in zip(pieces[3::2], pieces[4::2], strict=True):
            (unit,) = grader.grade(pieces[1].text, statement.text.strip()).units
            kind, (n, other, number) = unit.claims[0].kind, unit.claims[0].of
            kinds.add(kind)
            right = number == (n + other if kind == "sum" else n * grader.legs(asked, other))
            assert verdict.text == (" right" if right else " wrong")
            verdicts.append(right)
    assert 0.35 < np.mean(verdicts) < 0.65
    assert kinds == {"step", "sum"}


def test_on_a_card_of_two_most_false_words_are_the_other_animals():
    rng = random.Random(5)
    table = corpus.shuffled_table(rng)
    false = swapped = 0
    for _ in range(60):
        pieces = corpus.word_drill(rng, table)
        told = questions.read(pieces[1].text).card
        if len({animal for animal, _ in told}) == 1:
            continue
        for word, verdict in zip(pieces[3::3], pieces[4::3], strict=True):
            animal, value = word.text.strip().removesuffix(":").split(" ", 1)
            mine = {told[key] for key in told if key[0] == animal}
            assert verdict.text == (" right" if value in mine else " wrong")
            false += value not in mine
            swapped += value not in mine and value in told.values()
    assert false > 50
    assert swapped / false > 0.5


def test_heads_begin_by_looking_back(tokenizer):
    recipe = replace(TINY, width=128, heads=4, back=(1, 2, 3))
    model = pretraining.network(recipe, tokenizer).eval()
    ids = torch.randint(8, len(tokenizer), (2, 24), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        (attention,) = model.model(ids, output_attentions=True).attentions  # (2, heads, 24, 24)
    for head, offset in enumerate(recipe.back):
        looked = attention[:, head, 10:].argmax(-1)
        assert (torch.arange(10, 24) - looked == offset).all()
    assert attention[:, 3, 10:].max() < 0.3


# ---------------------------------------------------------------- the shipped model


def test_the_folder_is_small_and_whole():
    files = [path for path in FOLDER.iterdir() if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 8_000_000
    listed = dict(
        reversed(line.split("  ")) for line in (FOLDER / language_model.CHECKSUMS).read_text().splitlines()
    )
    assert set(listed) == {path.name for path in files} - {language_model.CHECKSUMS}
    for name, digest in listed.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name


def test_the_card_tells_the_truth_about_the_weights(model):
    card = (FOLDER / "README.md").read_text()
    assert f"{sum(p.numel() for p in model.parameters()):,} weights" in card
    assert "{{" not in card
    last = pd.read_csv(FOLDER / language_model.HISTORY).iloc[-1]
    for name in probes.PROBES:
        assert f"| {last[name]:.1%} | {last[f'{name}_base']:.1%} |" in card


def test_what_the_shipped_model_can_do(model, encoder):
    found = probes.probe(model, encoder, n=80, seed=123)
    assert found["copy"] > 0.9
    assert found["claim"] > 0.9 > found["claim_base"]
    assert found["bind"] > 0.9
    assert found["critique"] > 0.8 > found["critique_base"] + 0.2
    assert found["grade"] > found["grade_base"] + 0.2
    assert found["grade_spearman"] > 0.8
    assert found["critique_spearman"] > 0.9
    assert found["compare"] > 0.8


def test_the_plain_model_knows_no_grades_at_once_and_sums_up_a_critique(encoder):
    plain = AutoModelForCausalLM.from_pretrained(resolve("pocket-plain")).eval()
    found = probes.probe(plain, encoder, n=80, seed=123)
    assert found["critique_spearman"] > 0.8 > 0.5 > found["grade_spearman"]


def test_the_shipped_pool_is_large_graded_and_varied():
    pool = pocket.pool()
    assert len(pool.prompts) == len(set(pool.prompts)) == len(pool.responses) == 100
    assert pool.gold.shape == (100, 512)
    assert {rows.part_of(prompt) for prompt in pool.prompts} == {"test"}
    for p in range(0, 100, 10):
        assert pool.gold[p, p] == pytest.approx(
            grader.grade(pool.prompts[p], pool.responses[p][p]).gold, abs=1e-4
        )
    assert pool.gold.std(1).mean() > 0.15
    assert np.quantile(pool.gold, 0.9) > 0.9
    assert pool.gold.mean() < 0.7 < 0.9 < pool.gold[:, :64].max(1).mean()  # choosing well is worth much
    assert (data_folder() / "pocket" / samples.FILE).stat().st_size < 1e6


@pytest.fixture(scope="module")
def sampled():
    prompts = [row.prompt for row in rows_of("test", 60)]
    return prompts, pocket.policy().sample(prompts, 2, seed=5)


def rows_of(split: str, n: int):
    return islice(rows.ask(split, random.Random("policy test")), n)


def test_samples_are_answers_of_the_world_and_differ_in_worth(sampled):
    grades = [grader.grade(p, text) for p, texts in zip(*sampled, strict=True) for text in texts]
    parsed = [all(unit.kind != "unreadable" for unit in grade.units) and grade.units for grade in grades]
    assert np.mean([bool(ok) for ok in parsed]) >= 0.9
    golds = [grade.gold for grade in grades]
    assert np.std(golds) > 0.2
    assert np.quantile(golds, 0.9) > np.mean(golds) + np.std(golds)
    assert np.quantile(golds, 0.1) < 0.5


def test_samples_repeat_with_their_seed(sampled):
    prompts, _ = sampled

    def draw(n, **options):
        # Without top_p, where thousands of unlikely tokens lie close, the rounding of a batch can swap two.
        return pocket.policy().sample(prompts[:n], 2, top_p=0.95, **options)[:10]

    assert draw(10, seed=5) == draw(10, seed=5, batch=7) == draw(30, seed=5)
    assert draw(10, seed=6) != draw(10, seed=5)
