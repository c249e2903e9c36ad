"""Plans on paper: the formulas by hand, and the page that is made of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from rmkit.__main__ import main
from rmkit.commands import plan
from rmkit.commands.plan import MODELS, Plan

PAGE = Path(__file__).parent.parent / "docs" / "scale.md"


def test_the_page_holds_the_table_of_the_formulas():
    assert plan.page() in PAGE.read_text(encoding="utf-8")
    assert plan.assumptions(Plan("8b")) in PAGE.read_text(encoding="utf-8").replace("\n", " ")


def test_weights_are_those_of_the_published_models():
    # Without the output matrix, which a reward model does not have (8B: 8.03 - 128,256 x 4096).
    published = {"1b": 1.236e9, "8b": 8.030e9 - 128_256 * 4096, "70b": 70.554e9 - 128_256 * 8192}
    for name, weights in published.items():
        assert MODELS[name].weights == pytest.approx(weights, rel=1e-3)


@pytest.mark.parametrize(("prompt", "response"), [(150, 60), (600, 100), (10, 500)])
def test_sharing_takes_as_many_times_fewer_tokens_as_the_paper_says(prompt, response):
    pair = Plan("8b", k=2, prompt=prompt, response=response)
    assert pair.sharing == pytest.approx(2 * (prompt + response) / (prompt + 2 * response))
    eight = replace(pair, k=8)
    assert eight.sharing == pytest.approx(56 * (prompt + response) / (prompt + 8 * response))
    assert eight.sharing == replace(eight, shared=False).group_tokens / eight.group_tokens


def test_memory_by_hand():
    weights, layer = MODELS["8b"].weights, MODELS["8b"].layer
    assert layer == 4096 * (2 * 4096 + 2 * 1024 + 3 * 14336)
    one = Plan("8b", gpus=1)
    assert one.state == 16 * weights, "float32 weight and gradient, two moments"
    assert replace(one, gpus=8).state == 2 * weights
    assert replace(one, gpus=8).gathered == 4 * layer
    adapted = replace(one, lora=True)
    assert 2 * weights < adapted.state < 2.2 * weights
    a_layer = 2 * (6 * 4096 + 2 * 1024 + 4 * 14336)
    assert replace(one, checkpointing=False).activations == 8192 * 32 * a_layer
    assert one.activations == 8192 * (32 * 2 * 4096 + a_layer)
    assert "memory" in one.limit
    assert "memory" not in adapted.limit


def test_work_is_six_operations_a_weight_and_attention():
    # A group that sees next to nothing: attention is nothing, and 6 N of the layers remain.
    short = Plan("8b", prompt=1, response=1, checkpointing=False)
    products = MODELS["8b"].layers * MODELS["8b"].layer
    assert short.work == pytest.approx(6 * products, rel=1e-3)
    assert replace(short, checkpointing=True).work == pytest.approx(8 * products, rel=1e-3)
    assert replace(short, lora=True).work == pytest.approx(4 * products, rel=1e-3)
    # One row of n tokens: each sees n / 2 on average, and 4 L D operations forward, three times in all.
    n = 8000
    row = Plan("8b", k=2, prompt=n - 2, response=1, checkpointing=False)
    assert row.work - 6 * products == pytest.approx(3 * 4 * 32 * 4096 * n / 2, rel=2e-3)


def test_what_limits_is_said():
    assert Plan("8b", gpus=8).limit == "matrix products"
    assert Plan("8b", gpus=64).limit == "network"
    slow = Plan("8b", gpus=64)
    assert slow.tokens_per_second == pytest.approx(64 * 8192 / (8 * MODELS["8b"].weights / 50e9))


def test_the_command_prints_the_plan_and_how_to_start_it(capsys):
    assert main(["plan", "--model", "8b", "--gpus", "8", "--k", "4"]) == 0
    said = capsys.readouterr().out
    assert "accelerate launch --num_processes 8" in said
    assert "--shard --checkpointing" in said
    assert "6.86 times fewer tokens" in said
    assert "Nothing is measured" in said
    assert main(["plan", "--model", "70b", "--gpus", "64"]) == 0
    assert "torchrun --nnodes 8 --nproc-per-node 8" in capsys.readouterr().out
    assert main(["plan", "--k", "1"]) == 2
    assert "at least 2 responses" in capsys.readouterr().err
