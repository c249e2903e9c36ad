"""Features, implicit rewards and rollouts of steps: what they would be one by one."""

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForCausalLM

import rmkit
from rmkit.data.preferences import Preferences, Record
from rmkit.models import policies
from rmkit.models.features import features
from rmkit.models.implicit import implicit_step_rewards, log_ratios
from rmkit.models.packing import encode_group
from rmkit.models.rollouts import step_rollouts
from rmkit.models.step_features import step_features
from tests import tiny

STEPS = [["otters eat fish .", "badgers eat granite .", "so fish"], ["why of", "legs"]]
ROWS = Preferences(
    [
        Record("what do otters eat", ["\n".join(row) for row in STEPS], steps=STEPS),
        Record("how many", ["a of"], steps=[["a", "of"]]),
        Record("how many", ["fish"], steps=[[]]),
    ]
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RMKIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def words():
    return tiny.tiny_tokenizer()


@pytest.fixture
def folder(tmp_path, words):
    return tiny.tiny_model(tmp_path / "m", "llama", tokenizer=words)


def test_a_step_has_the_vector_of_the_text_up_to_its_end(folder, words):
    found = step_features(ROWS, folder, progress=False)
    assert [[len(row) for row in record] for record in found] == [[3, 2], [2], [0]]
    network = AutoModel.from_pretrained(folder).eval()
    group = encode_group(words, ROWS[0].prompt, ROWS[0].responses, 512)
    text = words("\n".join(STEPS[0][:2]), add_special_tokens=False).input_ids
    assert group.responses[0][: len(text)] == text
    with torch.no_grad():
        hidden = network(input_ids=torch.tensor([group.prompt + text])).last_hidden_state[0, -1]
    torch.testing.assert_close(found[0][0][1], hidden, atol=1e-5, rtol=1e-4)


def test_they_are_kept_and_read_again(folder, monkeypatch):
    first = step_features(ROWS, folder, progress=False)
    monkeypatch.setattr("rmkit.models.features.load_part", _only_tokenizers(rmkit.features.load_part))
    again = step_features(ROWS, folder, progress=False)
    for one, other in zip(first, again, strict=True):
        for a, b in zip(one, other, strict=True):
            torch.testing.assert_close(a, b, atol=0, rtol=0)


def _only_tokenizers(load):
    def loaded(kind, *arguments, **options):
        assert kind == "AutoTokenizer", "the model is not needed: every vector is known"
        return load(kind, *arguments, **options)

    return loaded


def test_a_step_that_was_cut_is_nan_and_steps_are_needed(folder):
    found = step_features(ROWS[:1], folder, max_length=14, progress=False)
    assert found[0][0][-1].isnan().all()
    assert found[0][0][0].isfinite().all()
    with pytest.raises(rmkit.InputError, match="no `steps`"):
        step_features(Preferences([Record("what", ["fish"])]), folder, progress=False)


def test_features_of_answers_stand_beside_them_in_the_cache(folder):
    step_features(ROWS, folder, progress=False)
    assert features(ROWS, folder, progress=False)[0].shape[0] == 2


def test_implicit_rewards_are_the_log_ratio_of_the_texts(tmp_path, words):
    mine, theirs = (
        AutoModelForCausalLM.from_pretrained(
            tiny.tiny_model(tmp_path / name, "llama", tokenizer=words, seed=n)
        )
        for n, name in enumerate("ab")
    )
    found = implicit_step_rewards(mine, theirs, words, ROWS, beta=0.5)
    assert [[len(row) for row in record] for record in found] == [[3, 2], [2], [0]]
    group = encode_group(words, ROWS[0].prompt, ROWS[0].responses, 512)
    with torch.no_grad():
        ratio = log_ratios(mine, theirs, [(group.prompt, group.responses[0])])[0]
    whole = [
        policies.log_likelihood(m, words, [ROWS[0].prompt], [ROWS[0].responses])[0][0] for m in (mine, theirs)
    ]
    assert ratio.sum() == pytest.approx(float((whole[0] - whole[1]).detach()), abs=1e-4)
    after = (
        len(group.responses[0]) - 1 - words("\n".join(STEPS[0]), add_special_tokens=False).input_ids.__len__()
    )
    inside = ratio[: len(ratio) - 1 - after].sum()  # all but what ends the turn
    assert found[0][0].sum() == pytest.approx(0.5 * float(inside), abs=1e-4)


def test_rollouts_begin_where_a_step_ends(folder, words):
    model, seen = AutoModelForCausalLM.from_pretrained(folder), []

    def is_right(prompt, response):
        seen.append((prompt, response))
        return "badgers eat granite" in response

    found = step_rollouts(model, words, ROWS, is_right, n=3, max_new_tokens=4)
    assert [[row.shape for row in record] for record in found] == [[(3, 3), (2, 3)], [(2, 3)], [(0, 3)]]
    assert found[0][0][1:].all()
    assert not found[0][1].any()
    assert seen[0][0] == "what do otters eat"
    assert seen[0][1].startswith("otters eat fish")
    assert len(seen) == 7 * 3
    assert np.asarray(found[0][0]).dtype == bool
