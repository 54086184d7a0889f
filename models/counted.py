"""Numbers beside what they count, in English: 1 record, 1,204 records. The one place that knows when a word takes its plural."""


def counted(n: int, one: str, many: str = "") -> str:
    """The number with its word: `counted(1, "entry")` is `1 entry`. `many` where the plural takes more: `counted(n, "record holds", "records hold")`."""
    return f"{n:,} {agreeing(n, one, many)}"


def agreeing(n: int, one: str, many: str = "") -> str:
    """The word alone, as it stands after so many."""
    if n == 1:
        return one
    if many:
        return many
    return f"{one[:-1]}ies" if one.endswith("y") and one[-2:-1] not in "aeiou" else f"{one}s"
