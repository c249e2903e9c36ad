"""AlpacaEval's annotations: how likely a judge prefers the second of two outputs."""

from rmkit.data.columns import BadValueError, Columns, number, unsaid
from rmkit.data.formats.registry import register
from rmkit.data.formats.side_by_side import preferred, side_by_side


@register("AlpacaEval", ("output_1", "output_2", "generator_1", "generator_2", "preference"))
def alpaca_eval(row: Columns) -> dict:
    """preference goes from 1 (output_1) to 2 (output_2): between them it is a soft label, 1.5 (or 0) a tie.

    {"instruction": "Name a fern.", "output_1": "Oak.", "generator_1": "m", "output_2": "Maidenhair.",
     "generator_2": "n", "preference": 1.9}
    """
    answers = [row["output_1"], row["output_2"]]
    preference = number(row["preference"])
    if row.scoring:
        return {"responses": answers}
    if unsaid(row["preference"]):
        return {"responses": answers}  # the judge's answer could not be read
    if preference is None:
        return side_by_side(row)  # a word for the winner
    if not (preference == 0 or 1 <= preference <= 2):
        raise BadValueError("preference", "a number from 1 (output_1) to 2 (output_2)")
    second = 0.5 if preference == 0 else preference - 1
    made = preferred(answers, 0.5 - second)
    soft = second not in (0, 0.5, 1)
    return made | ({"share": round(max(second, 1 - second), 9)} if soft else {})
