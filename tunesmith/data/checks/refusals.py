"""Answers that refuse instead of answering.

A refusal stands at the start of an answer: "I'm sorry, but I can't help with that". Later in the
text the same words mostly belong to a story or to advice. The wordings are those that chat models
use, as listed in studies of over-refusal (Röttger et al., "XSTest", 2024, where "full refusal" is
told by its opening sentence). To refuse a harmful request is right, so the default is to flag.
"""

import re

from tunesmith.data.markers import plain

START = 200
"""Characters from the start of an answer in which a refusal must begin."""

_OBJECT = (
    r"(?:(?:you )?(?:with )?(?:to you )?(?:that|this|such|any|anything|how|what"
    r"|(?:the |a |an |more |your )?(?:\w+ )?(?:advice|help|information|instructions?|guidance"
    r"|details|assistance|support|content|opinions?|recommendations?|steps|answers?|predictions?"
    r"|diagnos[ei]s|links|code|text|images?|stories|jokes?|material)\b))"
)
_VERB = (
    r"(?:help(?:ing)?(?! (?:but|it\b|feeling|thinking|noticing))|assist(?:ing)?|comply|participate"
    r"|engage|condone|endorse|encourage|promote|advise|speculate|comment on|recommend (?:that|this)"
    r"|fulfill? (?:that|this|your|the)|accommodate (?:that|this|your)|do (?:that|this|it|so)\b"
    r"|support (?:that|this|any|such|or)|form (?:\w+ )?opinions"
    r"|(?:reveal|disclose) (?:that|this|any|my|your|private|personal|confidential)"
    r"|(?:answer|discuss|respond to|continue(?: with)?|process|explain|describe|go into) "
    r"(?:that|this|your|such|any|how|the question|questions (?:about|on|of))|talk about"
    r"|aid (?:you|in)|speak to (?:that|this)|give out"
    rf"|(?:provid|giv|offer|shar|tell|show|teach|writ|creat|generat|produc|mak)(?:e|ing)? "
    rf"{_OBJECT})"
)
_NOT = (
    r"(?:can't|won't|will not|can't and (?:won't|will not))"
    r"(?: (?:\w+ly|in good conscience|even|ever))?(?: be(?: able to)?)?"
)
_PHRASES = (
    rf"i(?: \w+ly| just)? {_NOT} {_VERB}",
    r"(?:i'm|but|and) (?:unable|not (?:able|going|allowed|programmed|permitted|willing)) to "
    rf"(?:be )?{_VERB}",
    r"i'm (?:very |really |so )?sorry,? (?:but )?"
    r"(?:i (?:can't|won't|must not)|that's (?:not )?something)"
    r"(?! (?:find|see|hear|make it|come|attend|be there|stay|go))",
    r"(?:not|isn't) something (?:that )?i(?: can|'m (?:able|willing|comfortable))",
    r"something (?:that )?i (?:can't|won't)",
    r"i(?:'m going to| must| will|'ll| would| have to| need to)(?: have to)?(?: \w+ly)? decline",
    r"i decline|i refuse to|i(?: must|'ll| have to|'m going to)(?: have to)?(?: \w+ly)? refuse\b",
    r"(?:not|\w+n't) (?:be )?(?:appropriate|ethical|responsible|proper) (?:for me )?to "
    r"(?:answer|comment|discuss|help|provide|share|give|write|say|speculate|talk)",
    r"i'm (?:just|only) an ai\b",
    r"i (?:don't feel|wouldn't feel|'m not|wouldn't be) comfortable|i'm not comfortable",
    r"i(?:'d| would) (?:rather|prefer) not(?: to)? "
    r"(?:help|answer|say|give|provide|discuss|talk|do)",
    r"i don't (?:think (?:that )?i should|want to (?:help|assist|encourage|give you))",
    r"i don't have (?:personal )?(?:opinions|feelings|beliefs|preferences)",
    r"as an? (?:ai|language model|assistant)\b[^.!?]{0,40}?\b"
    r"i(?:'m not| can't| don't| won't|'m unable)",
    r"(?:that|this|it)(?: request| question)?(?: is|'s| goes| would be| violates)"
    r"(?: against)? (?:my|the|our) (?:\w+ )?"
    r"(?:guidelines|policy|policies|programming|principles)",
)
_REFUSAL = re.compile(r"\b(?:" + "|".join(_PHRASES) + ")")
_HINTS = (
    "can't", "won't", "will not", "unable", "not able", "not going", "not allowed",
    "not permitted", "not willing", "not programmed", "sorry", "something", "decline", "refuse",
    "comfortable", "rather not", "prefer not", "i don't", "as a", "an ai", "appropriate",
    "ethical", "responsible", "proper", "guidelines", "polic", "programming", "principles",
)  # fmt: skip
"""One of these is in every refusal that `_REFUSAL` knows; looking for them is quick."""


def find_refusal(answer: str) -> str | None:
    """Return the wording with which an answer refuses near its start, or None."""
    start = plain(answer[: 2 * START])
    if not any(hint in start for hint in _HINTS):
        return None
    for match in _REFUSAL.finditer(start):
        if match.start() >= START:
            return None
        if not _quoted(start, match.start()):
            return match.group()
    return None


def _quoted(text: str, at: int) -> bool:
    """Whether a place lies inside double quotation marks: somebody else says it there."""
    before = text[:at]
    return before.count('"') % 2 == 1 or before.count("\u201c") > before.count("\u201d")
