"""The booth on a page: a prompt, two answers side by side, buttons, and a key for each of them."""

import html
from pathlib import Path

import ipywidgets

from rmkit.data.records import Prompt
from rmkit.notebook import theme
from rmkit.notebook.keys import Keys
from rmkit.notebook.widgets import say
from rmkit.training.labeling.booth import Booth

PANEL = "rmkit-vote"
SURE = ("hardly", "slightly", "clearly", "by far")  # strength 0 to 3
KEYS = {
    "ArrowLeft": "left", "a": "left", "ArrowRight": "right", "b": "right", "ArrowDown": "tie", "t": "tie",
    "s": "skip", "u": "undo", "Backspace": "undo", "1": "0", "2": "1", "3": "2", "4": "3",
}  # fmt: skip
HINT = (
    "Keys, while the focus is in here: ← A is better, → B is better, ↓ tie, S skip, U take back; before a "
    "vote 1 to 4: by how much."
)
LETTERS = {"left": "A", "right": "B", "tie": "a tie"}


def label(
    preferences,
    out: str | Path = "my-votes.jsonl",
    *,
    annotator: str = "me",
    order: str = "random",
    tell: bool = True,
    model: str | Path | None = "pocket",
    seed: int = 0,
) -> "Voting":
    """Be the annotator: vote on pairs by keyboard or by buttons; every vote is written to `out` at once.

        rmkit.label(rmkit.load("pocket").take(60), out="my-votes.jsonl", annotator="Ada")
        rmkit.load("my-votes.jsonl")        # the votes, as preferences

    preferences: groups of two responses, whatever `rmkit.load` takes; what others said of them is not shown.
    out: a .jsonl file, one record of rmkit a line: the responses as they were shown (the left one first),
        `ranks`, `strength` where you said how sure, `annotator`; in `extra` the time, the sides, the id of
        the pair, and what was expected of you. Run the cell again, and it goes on where you stopped. A
        skipped pair, and a vote that was taken back, are records without ranks.
    annotator: your name, so that the files of several people can be read together (`rmkit.people.agreement`).
    order: "random"; or "least sure", the pair whose vote would teach the head most (lesson 13 measures what
        that is worth).
    tell: say before each vote what a head trained on your votes so far expects. Whoever collects votes for
        others to use says False: an expectation that is seen may sway. It is told after the vote then.
    model: whose frozen features the head sees (`rmkit.features`); None: no head.
    seed: of the order and the sides. Half of every four pairs are turned.
    Returns the panel; `.booth` holds the votes. Raises InputError for groups that are no pairs, and for a
    file that holds something else.
    """
    return Voting(Booth(preferences, out, annotator, order=order, tell=tell, model=model, seed=seed))


class Voting(ipywidgets.VBox):
    """The panel. `.press("left")` is what a key does and a click on `.buttons["left"]`; `.booth` counts."""

    def __init__(self, booth: Booth):
        self.booth, self.said = booth, booth.file.mended
        if booth.elsewhere:
            self.said += f" {booth.elsewhere} of your votes in this file are on other pairs; they stay there."
        self.prompt, self.expectation, self.track = (ipywidgets.HTML() for _ in range(3))
        self.last, self.alarm = ipywidgets.HTML(), ipywidgets.HTML()
        side = {"flex": "1 1 18em", "width": "auto", "margin": "2px"}
        self.answers = [ipywidgets.HTML(layout=side) for _ in range(2)]
        self.buttons = {
            "left": _button("← A is better", "A is better: left arrow, or A"),
            "right": _button("B is better →", "B is better: right arrow, or B"),
            "tie": _button("↓ tie", "Both are equally good: down arrow, or T"),
            "skip": _button("skip", "Ask another pair: S"),
            "undo": _button("take back", "Take the last vote back: U, or Backspace"),
        }
        for action, button in self.buttons.items():
            button.on_click(lambda _button, action=action: self.press(action))
        self.sure = ipywidgets.ToggleButtons(
            options=[("not said", ""), *((word, str(i)) for i, word in enumerate(SURE))],
            description="by how much",
            tooltips=["Say nothing about it", *(f"key {i + 1}" for i in range(len(SURE)))],
            style={"button_width": "auto"},
        )
        self.keyboard = Keys(PANEL, KEYS, HINT, self.press, self._early)
        wrap = ipywidgets.Layout(flex_flow="row wrap")
        super().__init__(
            [
                self.prompt,
                ipywidgets.HBox(
                    self.answers, layout=ipywidgets.Layout(flex_flow="row wrap", align_items="stretch")
                ),
                self.expectation,
                self.keyboard,
                ipywidgets.HBox(list(self.buttons.values()), layout=wrap),
                self.sure,
                self.last,
                self.track,
                self.alarm,
            ]
        )
        self.add_class(PANEL)
        self._show()

    def press(self, action: str) -> None:
        """Do what a key or a button means: left, right, tie, skip, undo, or "0" to "3", how sure."""
        try:
            self._do(action)
        except Exception as error:  # shown here because a browser would hide it, raised so that a test fails
            self.alarm.value = say(str(error), alarm=True)
            raise
        self.alarm.value = ""

    def _do(self, action: str) -> None:
        if action in "0123":
            self.sure.value = "" if self.sure.value == action else action  # the same key again: not said
            return
        if action == "undo":
            self.said = self._took_back() if self.booth.votes else "There is no vote to take back."
        elif self.booth.done:
            self.said = "Every pair was asked: this vote is for none of them. You may still take back."
        elif action == "skip":
            self.booth.skip()
            self.said = "Skipped."
        else:
            expected = self.booth.expected
            self.booth.vote(action, int(self.sure.value) if self.sure.value else None)
            guess = "" if expected is None else f" My guess was {_guess(expected)}."
            self.said = f"You said {LETTERS[action]}.{guess}"
        self.sure.value = ""
        self._show()

    def _took_back(self) -> str:
        self.booth.undo()
        return "Taken back: vote again. The file keeps what you had said, without counting it."

    def _early(self) -> None:
        self.last.value = say("That key came before the next pair was on the page: it was not counted.")

    def _show(self) -> None:
        booth, self.keyboard.turn = self.booth, self.keyboard.turn + 1
        total, asked = len(booth.pairs), len(booth.votes)
        if booth.done:
            self.prompt.value = self._question("Done", f"All {total} pairs were asked. Thank you!")
            for answer in self.answers:
                answer.value = ""
        else:
            shown = booth.shown
            self.prompt.value = self._question(f"Pair {asked + 1} of {total}", _asked(shown.prompt))
            for letter, text, answer in zip("AB", shown.responses, self.answers, strict=True):
                answer.value = _text(f"Answer {letter}", text)
        self.expectation.value = say(self._expects())
        self.last.value = say(self.said)
        self.track.value = html.escape(str(booth.track)) if booth.taste else ""

    def _question(self, heading: str, text: str) -> str:
        return f'<div aria-live="polite" data-turn="{self.keyboard.turn}">{_text(heading, text)}</div>'

    def _expects(self) -> str:
        """What is told before a vote."""
        booth = self.booth
        if booth.done or booth.taste is None:
            return ""
        if booth.expected is None:
            return "I have seen no vote of yours on these pairs: no guess yet."
        if not booth.tell:
            return "My guess is made; you hear it after your vote."
        return f"I think you take {_guess(booth.expected)}."


def _asked(prompt: Prompt) -> str:
    """A prompt as one text; of a conversation, who says what."""
    if isinstance(prompt, str):
        return prompt
    return "\n\n".join(f"{turn['role'].capitalize()}: {turn['content']}" for turn in prompt)


def _guess(left: float) -> str:
    """P(left) in words: "A, 71 %"."""
    return f"{'A' if left >= 0.5 else 'B'}, {100 * max(left, 1 - left):.0f} %"


def _button(text: str, tooltip: str) -> ipywidgets.Button:
    return ipywidgets.Button(description=text, tooltip=tooltip, layout={"width": "auto"})


def _text(heading: str, text: str) -> str:
    """A text of the data under a heading: escaped, with its own line breaks and its own direction."""
    return (
        f'<div role="group" aria-label="{html.escape(heading)}" style="border: 1px solid {theme.INK}; '
        f'border-radius: 4px; padding: 6px 10px; line-height: 1.5; height: 100%; box-sizing: border-box;">'
        f'<b>{html.escape(heading)}</b><div dir="auto" style="white-space: pre-wrap; '
        f'overflow-wrap: anywhere;">{html.escape(text)}</div></div>'
    )
