"""Process rewards: read at the last token of each step, the same one by one, packed and padded."""

import pytest
import torch

import rmkit
from rmkit.data.preferences import Preferences, Record
from rmkit.models.steps import UNREAD
from tests import tiny

STEPS = [["otters eat fish .", "badgers eat granite .", "so fish"], ["why of", "legs"]]


def record(steps=STEPS, labels=None, prompt="what do otters eat", **more):
    texts = ["\n".join(parts) for parts in steps]
    labels = labels or [[1] * len(parts) for parts in steps]
    return Record(prompt, texts, steps=[list(parts) for parts in steps], step_labels=labels, **more)


@pytest.fixture(params=[False, True], ids=["base", "chat"])
def model(request, tmp_path):
    words = tiny.tiny_tokenizer(chat=request.param, bos=request.param)
    return rmkit.RewardModel.load(tiny.tiny_model(tmp_path / "m", "llama", tokenizer=words), seed=1)


@pytest.mark.filterwarnings("ignore:.*is new")
def test_a_step_is_scored_as_the_text_up_to_its_end(model):
    found = model.score_steps(Preferences([record()]))[0]
    assert [len(row) for row in found] == [3, 2]
    group = model.encode(Preferences([record()]), training=False, steps=True)[0][0]
    for k, (row, ends) in enumerate(zip(found, group.steps, strict=True)):
        for reward, end in zip(row, ends, strict=True):
            tokens = torch.tensor([group.prompt + group.responses[k][: end + 1]])
            hidden = model.classifier.base_model(input_ids=tokens).last_hidden_state[0, -1]
            assert reward == pytest.approx(model.classifier.score(hidden).item(), abs=1e-5)
            words = model.tokenizer.decode(group.responses[k][: end + 1]).split()
            assert words[-1] == STEPS[k][row.tolist().index(float(reward))].split()[-1]


@pytest.mark.filterwarnings("ignore:.*is new")
def test_packed_and_padded_read_the_same_steps(model):
    preferences = Preferences([record(), record([["a", "b of"]], prompt="how many")])
    packed = model.score_steps(preferences)
    model.layout = "padded"
    for one, other in zip(packed, model.score_steps(preferences), strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=0)


@pytest.mark.filterwarnings("ignore:.*is new")
def test_a_step_that_was_cut_is_not_read(model):
    model.max_length = 14
    group = model.encode(Preferences([record()]), training=False, steps=True)[0][0]
    assert UNREAD in group.steps[0]
    assert bool(model.score_steps(Preferences([record()]))[0][0].isnan()[-1])


@pytest.mark.filterwarnings("ignore:.*is new")
def test_a_step_that_is_no_part_of_its_response_is_refused(model):
    bad = Record("what", ["otters eat"], steps=[["badgers eat"]], step_labels=[[1]])
    with pytest.raises(rmkit.InputError, match=r"Step 1 .*is no part of its response"):
        model.score_steps(Preferences([bad]))
    with pytest.raises(rmkit.InputError, match="no `steps`"):
        model.score_steps(Preferences([Record("what", ["otters eat"])]))
