"""python -m rmkit plan: memory and speed of a run on paper, from the sizes of a model and a cluster.

Nothing here is measured. Each formula stands beside its source, and the plan prints what it assumes.
"""

import argparse
from dataclasses import dataclass

from rmkit.commands import shared
from rmkit.errors import InputError, did_you_mean

# What one GPU has: an H100 SXM by its data sheet. Matrix products in bf16 without sparsity.
MEMORY, RATE = 80e9, 989e12  # bytes, floating-point operations a second
NODE, NVLINK, NETWORK = 8, 450e9, 50e9  # GPUs of a node; bytes a second and GPU inside it, and between nodes
USED = 0.40  # of the rate is reached: what well-tuned training does (PaLM 46 %, Llama 3 38 to 43 %)
BATCH = 8192  # tokens of one pass of one GPU (packing.budget)
RESERVE = 4e9  # bytes for CUDA, the allocator and logits
RANK = 16  # of LoRA, on every matrix of a layer


@dataclass(frozen=True)
class Decoder:
    """The sizes of a Llama-type decoder: what all formulas are made of."""

    layers: int
    width: int
    inner: int  # of the feed-forward part
    keys: int  # width of keys, and of values (grouped-query attention)
    vocabulary: int

    @property
    def layer(self) -> int:
        """Weights of one layer: attention (q, o, k, v) and the three matrices of the feed-forward part."""
        return 2 * self.width**2 + 2 * self.width * self.keys + 3 * self.width * self.inner

    @property
    def weights(self) -> int:
        """All weights: the layers and the embedding; a reward head is one row."""
        return self.layers * self.layer + self.vocabulary * self.width

    @property
    def adapters(self) -> int:
        """Weights of LoRA: RANK times both sides of every matrix."""
        sides = 2 * 2 * self.width + 2 * (self.width + self.keys) + 3 * (self.width + self.inner)
        return self.layers * RANK * sides


MODELS = {
    "1b": Decoder(16, 2048, 8192, 512, 128_256),  # Llama 3.2 1B
    "8b": Decoder(32, 4096, 14_336, 1024, 128_256),  # Llama 3.1 8B
    "70b": Decoder(80, 8192, 28_672, 1024, 128_256),  # Llama 3.1 70B
}


@dataclass(frozen=True)
class Plan:
    """A run: which weights are trained on how many GPUs, and what its groups look like.

    k, prompt, response: responses of a group, and tokens of its prompt and of each response.
    shared: the prompt is computed once for its K responses (packed); else every pair is two rows of its own.
    lora: the weights stand still in bf16 and adapters are trained.   checkpointing: of activations.
    """

    model: str
    gpus: int = 1
    k: int = 2
    prompt: int = 600
    response: int = 200
    shared: bool = True
    lora: bool = False
    checkpointing: bool = True

    @property
    def sizes(self) -> Decoder:
        """The sizes of the model."""
        if self.model not in MODELS:
            raise InputError(f"There is no model {self.model!r} to plan{did_you_mean(self.model, MODELS)}")
        return MODELS[self.model]

    # --- tokens

    @property
    def group_tokens(self) -> int:
        """P + K C where the prompt is shared; as K (K - 1) / 2 pairs of two rows each, K (K - 1) (P + C)."""
        if self.shared:
            return self.prompt + self.k * self.response
        return self.k * (self.k - 1) * (self.prompt + self.response)

    @property
    def sharing(self) -> float:
        """How many times fewer tokens sharing takes: 2 (P + C) / (P + 2 C) for pairs."""
        rows = self.k * (self.k - 1) * (self.prompt + self.response)
        return rows / (self.prompt + self.k * self.response)

    # --- bytes of one GPU

    @property
    def state(self) -> float:
        """Weights, gradients and AdamW's two moments, sharded over the GPUs (ZeRO, Rajbhandari et al. 2020).

        Full: 4 + 4 + 8 bytes a weight, all float32. LoRA: 2 bytes a weight in bf16, and 16 an adapter.
        """
        own = 2 * self.sizes.weights + 16 * self.sizes.adapters if self.lora else 16 * self.sizes.weights
        return own / self.gpus

    @property
    def gathered(self) -> float:
        """bf16 weights that are whole while they are used: two layers if sharded, else a copy of all."""
        if self.gpus > 1:
            return 2 * 2 * self.sizes.layer
        return 0.0 if self.lora else 2.0 * self.sizes.weights

    @property
    def activations(self) -> float:
        """What the backward pass needs of BATCH tokens, in bf16 (as counted by Korthikanti et al. 2022).

        A layer keeps six vectors of the width (norms, q, attention), keys and values, and four of the inner
        width. With checkpointing: the input of every layer, and one layer whole.
        """
        s = self.sizes
        layer = 2 * (6 * s.width + 2 * s.keys + 4 * s.inner)
        kept = 2 * s.width * s.layers + layer if self.checkpointing else s.layers * layer
        return float(BATCH * kept)

    @property
    def memory(self) -> float:
        """Bytes of one GPU."""
        return self.state + self.gathered + self.activations + RESERVE

    # --- seconds

    @property
    def work(self) -> float:
        """Floating-point operations of a token: 6 N, and those of attention (Kaplan et al. 2020).

        Forward 2 a weight, backward 4 (LoRA: 2, since weights that stand still need no gradient), and
        checkpointing goes forward twice. Attention multiplies with every token that is seen: 4 L D each.
        """
        s = self.sizes
        passes = 1 + (1 if self.lora else 2) + self.checkpointing
        mean_seen = self._seen / self.group_tokens
        attention = (3 + self.checkpointing) * 4 * s.layers * s.width * mean_seen
        return passes * 2 * s.layers * s.layer + attention

    @property
    def _seen(self) -> float:
        """How many tokens all tokens of a group see together."""
        p, c = self.prompt, self.response
        if self.shared:
            return p * p / 2 + self.k * (p * c + c * c / 2)
        return self.k * (self.k - 1) * (p + c) ** 2 / 2

    @property
    def moving(self) -> float:
        """Seconds in which one GPU moves what a pass of a sharded model needs.

        bf16 weights are gathered forward and backward, and float32 gradients scattered: 2 + 2 + 4 bytes.
        """
        moved = 4 * self.sizes.weights + (4 * self.sizes.adapters if self.lora else 4 * self.sizes.weights)
        return 0.0 if self.gpus == 1 else moved / (NVLINK if self.gpus <= NODE else NETWORK)

    @property
    def computing(self) -> float:
        """Seconds of the products of a pass."""
        return BATCH * self.work / (USED * RATE)

    @property
    def tokens_per_second(self) -> float:
        """Of all GPUs, while they compute and move at the same time."""
        return self.gpus * BATCH / max(self.computing, self.moving)

    @property
    def groups_per_second(self) -> float:
        """Groups of K responses that are learned from."""
        return self.tokens_per_second / self.group_tokens

    @property
    def limit(self) -> str:
        """What stands in the way: memory, the network, or nothing but the matrix products."""
        if self.memory > MEMORY:
            return f"memory ({self.memory / 1e9:.0f} of {MEMORY / 1e9:.0f} GB)"
        return "network" if self.moving > self.computing else "matrix products"

    def row(self) -> list[str]:
        """A row of the tables."""
        fits = self.memory <= MEMORY
        speed = [f"{self.tokens_per_second:,.0f}", f"{self.groups_per_second:,.1f}"] if fits else ["-", "-"]
        how = "LoRA" if self.lora else "full"
        prompt = "shared" if self.shared else "pairs"
        return [
            self.model,
            str(self.gpus),
            str(self.k),
            how,
            prompt,
            f"{self.memory / 1e9:.0f}",
            *speed,
            self.limit,
        ]


HEADS = ["weights", "GPUs", "K", "training", "prompt", "GB a GPU", "tokens/s", "groups/s", "limit"]


def assumptions(plan: Plan) -> str:
    """What a plan takes for granted."""
    return (
        f"Assumed: GPUs of {MEMORY / 1e9:.0f} GB that multiply {RATE / 1e12:.0f} TFLOP/s in bf16, of which "
        f"{USED:.0%} are reached; {NVLINK / 1e9:.0f} GB/s inside a node of {NODE} and "
        f"{NETWORK / 1e9:.0f} GB/s a GPU between nodes; passes of {BATCH:,} tokens; prompts of {plan.prompt} "
        f"and responses of {plan.response} tokens; float32 weights and AdamW, computed in bf16; "
        f"checkpointing {'on' if plan.checkpointing else 'off'}; LoRA of rank {RANK}. Nothing is measured."
    )


def launched(plan: Plan) -> str:
    """The command of a run on these GPUs."""
    wanted = {"shard": plan.gpus > 1, "checkpointing": plan.checkpointing}
    flags = [f"--{name}" for name, on in wanted.items() if on]
    flags = [*([f"--lora {RANK} --dtype bfloat16"] if plan.lora else []), *flags]
    train = " ".join(["rmkit train DATA --model MODEL --out FOLDER --precision bf16", *flags])
    nodes = -(-plan.gpus // NODE)
    if plan.gpus == 1:
        return f"python -m {train}"
    if nodes == 1:
        return f"accelerate launch --num_processes {plan.gpus} -m {train}"
    return (
        f"torchrun --nnodes {nodes} --nproc-per-node {NODE} --rdzv-backend c10d "
        f"--rdzv-endpoint HOST:29500 -m {train}    # on each of {nodes} nodes"
    )


def page() -> str:
    """The table of docs/scale.md."""
    plans = [
        Plan(model, gpus, k, shared=shared, lora=lora)
        for model in MODELS
        for gpus in (1, 8, 64)
        for lora in (False, True)
        for k in (2, 4, 8)
        for shared in (True, False)
    ]
    lines = [HEADS, ["---"] * len(HEADS), *(plan.row() for plan in plans)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def add(commands) -> None:
    """Declare the command."""
    plan = commands.add_parser("plan", help="memory and speed of a run on paper")
    whole = shared.positive(int)
    plan.add_argument("--model", choices=list(MODELS), default="8b", help="size of the weights (default: 8b)")
    plan.add_argument("--gpus", type=whole, default=8, help="how many (default: 8)")
    plan.add_argument("--k", type=int, default=2, help="responses of a group, 2 or more (default: 2)")
    plan.add_argument("--prompt", type=whole, default=600, metavar="N", help="tokens (default: 600)")
    plan.add_argument("--response", type=whole, default=200, metavar="N", help="tokens (default: 200)")
    plan.add_argument("--lora", action="store_true", help="train adapters only")
    plan.add_argument("--no-checkpointing", action="store_true", help="keep all activations")
    plan.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print a plan, and the same without a shared prompt."""
    import pandas as pd

    if arguments.k < 2:
        raise InputError(f"--k is {arguments.k}; a group to learn from has at least 2 responses.")
    about = {name: getattr(arguments, name) for name in ("model", "gpus", "k", "prompt", "response", "lora")}
    about["checkpointing"] = not arguments.no_checkpointing
    ours, pairs = Plan(**about), Plan(**about, shared=False)
    shared.say(pd.DataFrame([ours.row(), pairs.row()], columns=HEADS).to_string(index=False))
    parts = {"weights, gradients, moments": ours.state, "gathered": ours.gathered}
    parts |= {"activations": ours.activations, "reserve": RESERVE}
    listed = ", ".join(f"{name} {size / 1e9:.1f}" for name, size in parts.items())
    shared.say(f"GB of one GPU: {listed}. Sharing the prompt takes {ours.sharing:.2f} times fewer tokens.")
    shared.say(assumptions(ours))
    shared.say(launched(ours))
    return 0
