"""The 500 letters, the same ones in every run: those made here, and real ones from the corpora as far as there is room."""

import random

import lib
from filtering import banned, clean, infected, mixed, spammy
from filtering.mime import Letter, message, part

SIZE = 500
REAL_LIMIT = 500_000  # bytes


def letters():
    made = [letter for module in (clean, infected, banned, spammy, mixed) for letter in module.letters()]
    made += filling(SIZE - len(made))
    if len(made) != SIZE:
        raise lib.Failure(f"{len(made)} letters, not {SIZE}")
    draw = random.Random(10)
    draw.shuffle(made)
    for number, letter in enumerate(made, 1):
        letter.number = number
    return made


def filling(count):
    """Real letters, else plain ones."""
    try:
        real = [(name, data) for name, data in lib.corpus() if data.endswith(b"\r\n") and len(data) < REAL_LIMIT]
    except lib.Skip:
        return [Letter(f"clean - filling {each}", message(f"Hola {each}", part())) for each in range(count)]
    odd = [each for each in real if each[0].endswith(".eml")]
    usual = [each for each in real if not each[0].endswith(".eml")]
    draw = random.Random(13)
    chosen = draw.sample(odd, min(len(odd), count // 2))
    chosen += draw.sample(usual, count - len(chosen))
    return [Letter(f"real - {name}", data) for name, data in chosen]
