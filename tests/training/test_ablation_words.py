"""What changed between two settings: hand-worked cases, the sentence, the tables and the pictures."""

import numpy as np
import pandas as pd
import pytest

from rmkit.errors import InputError
from rmkit.notebook.panels import describe
from rmkit.training.ablation import figures
from rmkit.training.ablation.cells import Cell
from rmkit.training.ablation.figures import figure, save
from rmkit.training.ablation.words import change, explain, summary


def rows(agreement, seeds=None, **dials) -> pd.DataFrame:
    """One setting: a row for each seed; missed is 1 less agreement, log-loss half of it."""
    table = pd.DataFrame({"seed": seeds or range(len(agreement)), "agreement": agreement})
    table = table.assign(missed=1 - table["agreement"], log_loss=(1 - table["agreement"]) / 2)
    return table.assign(**Cell(**dials).row())


BEFORE = rows([0.70, 0.72, 0.80])


def test_a_paired_change_by_hand():
    # differences .01, .02, .03: mean .02, standard error .01 / sqrt 3, Student's quantile for 2: 4.303
    found = change(BEFORE, rows([0.71, 0.74, 0.83], noise=0.1))
    assert found[:3] == pytest.approx(
        (0.02, 0.02 - 4.303 * 0.01 / 3**0.5, 0.02 + 4.303 * 0.01 / 3**0.5), abs=1e-5
    )
    assert (found.seeds, found.same) == (3, False)


def test_only_shared_seeds_are_paired_and_their_order_does_not_matter():
    after = rows([0.99, 0.83, 0.74], seeds=[9, 2, 1], noise=0.1)
    assert change(BEFORE, after).mean == pytest.approx(0.025)
    assert change(BEFORE, after).seeds == 2


def test_seeds_that_are_not_shared_give_welchs_interval():
    # a: mean .74, variance .0028; b: mean .60, variance .0004, of 3 each; freedom by Welch and Satterthwaite
    found = change(BEFORE, rows([0.58, 0.60, 0.62], seeds=[7, 8, 9], noise=0.1))
    va, vb = 0.0028 / 3, 0.0004 / 3
    freedom = (va + vb) ** 2 / (va**2 / 2 + vb**2 / 2)
    from scipy import stats

    half = stats.t.ppf(0.975, freedom) * (va + vb) ** 0.5
    assert found[:3] == pytest.approx((-0.14, -0.14 - half, -0.14 + half))
    assert found.seeds == 0


@pytest.mark.parametrize(
    ("after", "measure", "says"),
    [
        (
            rows([0.60, 0.61, 0.70], noise=0.3),  # -.10, -.11, -.10: -.1033 +- .0143
            "agreement",
            "With noise from 0 to 0.3, the agreement falls by 10.3 points [8.9, 11.8], which is worse: 0 "
            "lies outside, so 3 shared seeds allow saying so.",
        ),
        (
            rows([0.60, 0.61, 0.70], noise=0.3),
            "missed",
            "With noise from 0 to 0.3, the missed share rises by 10.3 points [8.9, 11.8], which is worse: 0 "
            "lies outside, so 3 shared seeds allow saying so.",
        ),
        (
            rows([0.80, 0.81, 0.90], labels=400, k="2-4"),  # .10, .09, .10
            "log_loss",
            "With answers ranked from 2 to 2-4 and labels from 200 to 400, the log-loss falls by 48.3 "
            "thousandths of a nat [41.2, 55.5], which is better: 0 lies outside, so 3 shared seeds allow "
            "saying so.",
        ),
        (
            rows([0.72, 0.72, 0.79], loss="hinge"),  # .02, 0, -.01
            "agreement",
            "With loss from bradley-terry to hinge, the agreement moves by +0.3 points [-3.5, +4.1]: 0 lies "
            "inside, so 3 shared seeds do not allow saying that it changed.",
        ),
        (
            rows([0.70, 0.72, 0.80], weighting="pair"),
            "agreement",
            "With weights from group to pair, the agreement is the same in every seed: here that does "
            "nothing.",
        ),
        (rows([0.70, 0.72, 0.80]), "agreement", "Nothing was changed: both settings are the same."),
        (
            rows([0.75], penalty=0.3),
            "agreement",
            "With penalty from chosen to 0.3, the agreement moves by +5.0 points, but one seed says nothing "
            "about chance.",
        ),
        (
            rows([0.2, 0.21, 0.22], seeds=[4, 5, 6], noise=0.5),
            "agreement",
            "With noise from 0 to 0.5, the agreement falls by 53.0 points [40.4, 65.6], which is worse: 0 "
            "lies outside, so seeds that are not shared allow saying so.",
        ),
    ],
)
def test_the_sentence_of_hand_worked_cases(after, measure, says):
    assert explain(BEFORE, after, measure) == says


def test_what_is_not_one_setting_or_one_measure_is_refused():
    both = pd.concat([BEFORE, rows([0.6, 0.7, 0.8], noise=0.2)])
    with pytest.raises(InputError, match=r"not one setting.*: noise differ"):
        change(BEFORE, both)
    with pytest.raises(InputError, match="no measure 'best_of_n'"):
        change(BEFORE, BEFORE, "best_of_n")


@pytest.fixture
def table():
    """Two losses at three levels of noise, four seeds; hinge is .01 better in every one of them."""
    rng = np.random.default_rng(0)
    luck = rng.normal(size=4) / 50
    parts = []
    for noise in (0.0, 0.1, 0.2):
        parts.append(rows((0.75 - noise / 2 + luck).tolist(), noise=noise))
        parts.append(rows((0.76 - noise / 2 + luck).tolist(), loss="hinge", noise=noise))
    return pd.concat(parts, ignore_index=True)


def test_a_summary_has_a_row_a_setting_with_its_interval(table):
    shown = summary(table)
    assert list(shown.columns[:3]) == ["loss", "noise", "seeds"]
    assert len(shown) == 6
    part = table[(table["loss"] == "hinge") & (table["noise"] == 0.1)]["agreement"]
    row = shown[(shown["loss"] == "hinge") & (shown["noise"] == 0.1)].iloc[0]
    assert row["agreement"] == pytest.approx(part.mean())
    assert row["agreement_high"] - row["agreement"] == pytest.approx(3.182 * part.std() / 2, rel=1e-3)


def test_against_a_base_the_summary_is_paired(table):
    shown = summary(table, against={"loss": "bradley-terry"})
    assert shown["loss"].tolist() == ["hinge"] * 3
    np.testing.assert_allclose(shown["agreement"], 0.01)
    np.testing.assert_allclose(shown["agreement_high"] - shown["agreement_low"], 0, atol=1e-9)
    other = summary(table, against={"noise": 0.0})
    assert len(other) == 4
    np.testing.assert_allclose(other["missed"], other["noise"] / 2)
    with pytest.raises(InputError, match="No row has loss = 'focal'"):
        summary(table, against={"loss": "focal"})


def test_small_multiples_show_every_measure_with_its_intervals(table):
    drawn = figure(table)
    assert len(drawn.data) == 3 * 2
    shown = summary(table)
    for trace, (loss, part) in zip(drawn.data[:2], shown.groupby("loss", sort=False), strict=True):
        assert trace.name == loss
        np.testing.assert_allclose(trace.y, part["agreement"])
        np.testing.assert_allclose(trace.error_y.array, part["agreement_high"] - part["agreement"])
    assert list(drawn.layout.xaxis.ticktext) == ["0", "0.1", "0.2"]
    assert "6 settings of noise and loss" in describe(drawn)
    paired = figure(table, against={"loss": "bradley-terry"}, measures=["missed"])
    assert len(paired.data) == 1
    low, high = paired.layout.yaxis.range
    assert low < -0.01 < 0 < high
    with pytest.raises(InputError, match="k varies too"):
        figure(pd.concat([table, table.assign(k="4")]))


def test_a_table_is_saved_in_every_form(table, tmp_path, monkeypatch):
    save(table, tmp_path / "new" / "t.csv")
    pd.testing.assert_frame_equal(
        pd.read_csv(tmp_path / "new" / "t.csv", dtype={"k": str}), table, check_dtype=False
    )
    save(table, tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), table, check_dtype=False)
    save(table, tmp_path / "t.html", x="noise", by="loss")
    page = (tmp_path / "t.html").read_text().replace(r"\u003cbr\u003e", " ")  # a question may take two lines
    assert "How often does it agree?" in page
    assert "<td>hinge</td>" in page
    assert 'src="http' not in page
    with pytest.raises(InputError, match=r"t\.xlsx: an ablation is written as"):
        save(table, tmp_path / "t.xlsx")

    def missing(*_, **__):
        raise RuntimeError("no kaleido")

    monkeypatch.setattr(figures.go.Figure, "write_image", missing)
    with pytest.raises(InputError, match=r"t\.png needs kaleido"):
        save(table, tmp_path / "t.png")


def test_a_picture_is_written_where_a_browser_is(table, tmp_path):
    pytest.importorskip("kaleido")
    save(table, tmp_path / "t.svg")
    assert (tmp_path / "t.svg").read_text().startswith("<svg")
