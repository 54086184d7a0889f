"""Turning a series round within its window: over how many weeks its spectra are taken."""


def circle(length: int) -> int:
    """Over how many weeks spectra are taken: a window of 127, a prime number, takes five times as long as one of twice as many and more."""
    rest = length
    for factor in (2, 3, 5, 7, 11):
        while rest and rest % factor == 0:
            rest //= factor
    return length if rest <= 1 else 1 << (2 * length - 1).bit_length()
