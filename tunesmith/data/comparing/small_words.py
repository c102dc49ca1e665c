"""Words that say little of what a text is about."""

_WORDS = """
a an the this that these those there here it its is are was were be been am do does did can could
would will shall should may might must have has had i you we they he she me my your our us them
their his her him to of in on at for from by with about as and or so if then than but just also
please kindly thanks thank hi hello hey dear let lets s t m re ve d ll some any
"""

SMALL = frozenset(_WORDS.split())
"""Small words of English: articles, pronouns, auxiliaries, words of politeness."""
