from scripts import example_json


def test_the_functions_example_is_the_one_that_people_read() -> None:
    """example.json in the layer says what songpost.example.yaml says; scripts/example_json.py writes it anew."""
    assert example_json.canonical(example_json.SOURCE) == example_json.TARGET.read_text(encoding="utf-8")
