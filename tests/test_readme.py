"""The README's Python runs, and prints what stands there."""

import doctest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def test_the_readmes_example_runs():
    text = (ROOT / "README.md").read_text("utf-8")
    example = text.split("```pycon\n")[1].split("```")[0]
    test = doctest.DocTestParser().get_doctest(example, {}, "README.md", "README.md", 0)
    assert len(test.examples) > 5
    assert doctest.DocTestRunner().run(test).failed == 0
