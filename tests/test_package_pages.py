"""What the pages of the matrix share: a result, two curves, an answer beside its reference."""

import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter

from rnnbook import exercises, metrics, notebook, plotting


def test_a_result_is_a_sentence_on_the_page_and_numbers_beside_it():
    data, about = DisplayFormatter().format(notebook.result("accuracy", 0.69899, gap=2.2e-13))
    assert data["text/markdown"].startswith("On the test part: accuracy 0.699. Largest")
    assert about[notebook.RESULT] == {"metric": "accuracy", "test": 0.69899, "gap": 2.2e-13}
    assert json.loads(json.dumps(about)) == about
    data, about = DisplayFormatter().format(notebook.result("accuracy", np.float32(0.5)))
    assert data["text/markdown"] == "On the test part: accuracy 0.5."
    assert about[notebook.RESULT]["gap"] is None


@pytest.mark.parametrize(("test", "gap", "name"), [(np.nan, None, "test"), (1.0, np.inf, "gap")])
def test_a_result_that_is_no_number_is_refused(test, gap, name):
    with pytest.raises(ValueError, match=f"{name} is (nan|inf)"):
        notebook.result("accuracy", test, gap)


def test_the_largest_gap_is_relative_to_the_reference():
    assert metrics.largest_gap([2.0, 4.0], [1.0, 4.0]) == 0.5
    assert metrics.largest_gap([1.0, 4.0], [2.0, 4.0]) == 1.0
    for a, b in (([1.0], [1.0, 2.0]), ([], [])):
        with pytest.raises(ValueError, match="curves have shapes"):
            metrics.largest_gap(a, b)
    for a, b in (([0.0], [1.0]), ([1.0], [-1.0]), ([1.0], [np.nan])):
        with pytest.raises(ValueError, match="not above 0"):
            metrics.largest_gap(a, b)


def test_two_curves_lie_over_each_other_and_their_gap_below():
    fig, (top, bottom) = plt.subplots(2)
    ours, theirs = [4.0, 2.0, 1.0], [4.0, 2.0, 1.01]
    plotting.loss_curves(top, bottom, ours, theirs, "pytorch")
    numpy, framework = top.lines
    assert (numpy.get_label(), framework.get_label()) == ("NumPy", "PyTorch")
    assert numpy.get_ydata().tolist() == ours
    assert framework.get_ydata().tolist() == theirs
    assert framework.get_color() == plotting.FRAMEWORKS["pytorch"][0]
    gap = bottom.lines[0].get_ydata()
    assert gap[-1] == pytest.approx(0.01)
    assert (gap > 0).all()  # it can be drawn on a logarithmic axis
    plt.close(fig)


@pytest.mark.parametrize(
    ("answer", "wanted", "words"),
    [
        (None, 1.0, "No answer yet."),
        (1.0, 1.0 + 1e-9, "Right."),
        ([1, 2], np.array([1.0, 2.0]), "Right."),
        (True, 1, "Right."),
        (0.0, 0.0, "Right."),
        (1e-9, 0.0, "Not yet: the largest difference is 1e-09, of numbers up to 0."),
        ([1.0, 2.5], [1.0, 2.0], "Not yet: the largest difference is 0.5, of numbers up to 2."),
        ([1.0], 1.0, "Not yet: the shape is (1,), but () is wanted."),
        ([np.nan], [1.0], "Not yet: 1 numbers are NaN or infinite."),
        ("two", 2, "Not yet: an answer of <U3 is no number or array of numbers."),
        (print, 2, "Not yet: an answer of object is no number or array of numbers."),
        ([[1], [1, 2]], 2, "Not yet: NumPy cannot read this list"),
    ],
)
def test_an_answer_is_held_beside_its_reference(capsys, answer, wanted, words):
    exercises.matches(answer, wanted)
    assert capsys.readouterr().out.startswith(words)
