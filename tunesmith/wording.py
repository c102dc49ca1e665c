"""How counts and shares stand in a sentence."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a count with its noun: `1 row`, `1,200 rows`; `plural` where it takes more than an s.

    >>> counted(1, "row"), counted(1200, "row"), counted(2, "class", "classes")
    ('1 row', '1,200 rows', '2 classes')
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def share_of(number: int, whole: int) -> str:
    """Return a share in per cent, as tables show it; a few rows never read as none.

    >>> share_of(1, 3), share_of(1, 1_000_000), share_of(0, 3)
    ('33.3%', '<0.1%', '0.0%')
    """
    share = number / max(whole, 1)
    return "<0.1%" if 0 < share < 0.0005 else f"{share:.1%}"
