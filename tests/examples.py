"""How many examples a property test draws."""

from hypothesis import HealthCheck, settings

USUAL = 100  # examples of a test that does not say how many


def num_examples(number: int) -> settings:
    """A decorator: `number` examples, or in proportion more where the profile draws more than usual.

    `pytest --hypothesis-profile=explore` draws fresh examples, ten times as many.
    """
    assert settings.default is not None
    return settings(max_examples=number * settings.default.max_examples // USUAL)


def register_profiles() -> None:
    """`fixed`, the default, draws the same examples everywhere; `explore` draws fresh ones, ten times as many."""
    shared = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
    settings.register_profile("fixed", shared, max_examples=USUAL, derandomize=True, database=None)
    settings.register_profile("explore", shared, max_examples=10 * USUAL, derandomize=False)
    settings.load_profile("fixed")
