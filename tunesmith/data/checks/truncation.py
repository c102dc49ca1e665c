"""Answers that stop before their end, as cut by a limit on tokens.

Three signs, each with its own evidence: a code fence that opens and never closes (CommonMark,
section 4.5), brackets of JSON or code that never close, and a last line that stops inside a
sentence. The last counts only in an answer that otherwise ends its sentences, or when the last
word cannot end one ("the", "and", "you're"): many people leave out the full stop at the end of a
chat message, and a list item, a heading or a signature has none. Where both can be, the answer
counts as whole: of 29,000 messages by people 62 were taken for cut, and of real answers of 25 words
and more, cut at random, 92 % were found.
"""

import re

_FENCE = re.compile(r"(?m)^[ \t>]{0,8}(`{3,}|~{3,})")
_CODE = re.compile(
    r"(?m)^\s*(?:#!/|\$ |#include|import |from \w+ import|def |class |function |public |private "
    r"|const |let |var |using |package |<!DOCTYPE|<html|<\?php|SELECT |@\w+)"
    r"|[;{}]\s*$|=>|\)\s*:\s*$|</\w+>"
)
_TERMINAL = re.compile(r"[.!?…:;。！？।؟\])}>»\"'”’*_`|~\u2600-\u27bf\U0001f000-\U0001faff]\s*$")
_SENTENCE = re.compile(r"[.!?…][\"'”’)\]*_]{0,3}(?=\s|$)")
_ITEM = re.compile(r"\s*(?:[-*•–]|\(?\d{1,3}[.):]|\(?[A-Za-z][.)])\s")
_NEVER = """
a an the and or but nor than because although whereas if unless whether despite via per during among
upon towards my your our their its every i'm i'd i'll i've you're you'd you'll you've he's he'd
he'll she's she'd she'll it's it'd it'll we're we'd we'll we've they're they'd they'll they've
that's there's
"""
_SELDOM = """
of with from into onto is are was were be been being has have had will would can could should may
might must shall to for by at in on any some each also very not who which whose whom where when his
between without including i he she we they
"""
"""Words that end a sentence now and then ("as soon as I can"): they count after a whole one."""
_NEVER_LAST, _SELDOM_LAST = frozenset(_NEVER.split()), frozenset(_SELDOM.split())
_STRANDS = "what where who whom whose which how why when that as than or whatever wherever"
_STRANDING = frozenset(_STRANDS.split())
"""With one of these before it such a word may well be the last: "what syrups you have"."""
_CLOSING = re.compile(r"[,–—-]\s*(?:\[[^\]]*\]|[A-Z][\w.'’-]*)(?:,?\s[\w.'’\[\]-]+){0,4}$")
"""The end of a letter in one line: "Yours sincerely, Jane Austen"."""
_SIGNATURE = 4
"""Words of a last line that may be a name, a heading or a greeting."""


_CASUAL = re.compile(
    r"(?:^|[.!?…][\"'”’)\]*_]{0,3}\s+)[\"'“‘(]*[a-z]|\bi\b(?!\.)|[^\W\d][,?!][^\W\d]"
)
_HABIT, _HABIT_WORDS = 2, 25
"""Sentences with an end, and the words of the answer, that show that the writer sets one. One such
sentence is enough where none is casual."""


def find_truncation(answer: str) -> str | None:
    """Return the sign that an answer was cut off, or None."""
    text = answer.rstrip()
    if not text:
        return None
    fences = _FENCE.findall(text) if "```" in text or "~~~" in text else []
    if len(fences) % 2 == 1:
        return "a code fence is not closed"
    if fences:
        # What is fenced is whole; the prose behind it is judged alone.
        text = text[max(text.rfind("```"), text.rfind("~~~")) + 3 :].strip()
        if not text:
            return None
    code = _CODE.search(text) is not None
    open_bracket = _open_bracket(text) if code or text[0] in "{[" else None
    if open_bracket:
        return f"{open_bracket!r} is not closed"
    return None if code else _stops_inside(text)


def _open_bracket(text: str) -> str | None:
    """Return a bracket that JSON or code leaves open."""
    # An apostrophe in a comment or a pattern is no quotation mark, so both readings must agree.
    bare = _STRING.sub('""', text)
    for opening, closing in ("{}", "[]", "()"):
        if all(one.count(opening) > one.count(closing) for one in (bare, text)):
            return opening
    return None


_STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.){0,80}'")


def _stops_inside(text: str) -> str | None:
    lines = [line for line in text.splitlines() if line.strip()]
    last = lines[-1]
    if _TERMINAL.search(last) or "http" in last.rsplit(None, 1)[-1]:
        return None
    words = last.split()
    ending = words[-1]
    if ending.endswith(("(", "–", "—", "-")) and len(words) >= _SIGNATURE:
        return f"it ends in {ending[-1]!r}"
    habit = _ends_sentences(lines)
    if ending.endswith(","):
        # "Kind regards," stands alone, and at the end of a chat message a comma is a slip.
        return "it ends in ','" if habit and len(words) >= _SIGNATURE else None
    bare = ending.lower().strip("*_").replace("\u2019", "'")
    if bare in _NEVER_LAST and ending != "A" and len(words) >= _SIGNATURE:
        return f"it ends in the word {ending!r}"
    whole = len(_SENTENCE.findall(last)) + len(lines) - 1
    if bare in _SELDOM_LAST and whole and len(words) > _SIGNATURE and not _is_stranded(last):
        return f"it ends in the word {ending!r}"
    signed = len(words) <= _SIGNATURE and len(lines) > 1
    if signed or ending[0] in "#@0123456789" or _CLOSING.search(last):
        return None
    return "its last sentence has no end" if habit else None


def _is_stranded(last: str) -> bool:
    """Whether the last sentence has a word that lets a preposition or a verb end it."""
    sentence = _SENTENCE.split(last)[-1].lower().split()
    return not _STRANDING.isdisjoint(sentence[:-1])


def _ends_sentences(lines: list[str]) -> bool:
    """Whether the answer ends its sentences elsewhere, in most of its lines, and often enough."""
    last = lines[-1]
    item = _ITEM.match(last) is not None
    alike = [line for line in lines[:-1] if (_ITEM.match(line) is not None) == item]
    prose = [line for line in alike if item or len(line.split()) > _SIGNATURE]
    ended = sum(1 for line in prose if _TERMINAL.search(line))
    inside = len(_SENTENCE.findall(last)) - (1 if item else 0)
    if item:
        return len(prose) >= 2 and ended == len(prose)
    enough = sum(len(line.split()) for line in lines) >= _HABIT_WORDS
    if not enough or ended < 0.8 * len(prose):
        return False
    return inside + ended >= _HABIT or (inside + ended == 1 and _is_careful(lines))


def _is_careful(lines: list[str]) -> bool:
    """Whether every sentence begins with a capital, as those do who set a full stop too."""
    text = "\n".join(lines)
    return not _CASUAL.search(text)
