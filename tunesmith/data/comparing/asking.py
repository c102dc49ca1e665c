"""What an input asks for: one thing that is either so or not, an amount, or anything that fits.

Judged by the words of English questions and requests, in the last turn. A turn asks for anything
that fits when it wants one of many: "give me a number", "name three towns", "suggest", "write a
program". It asks for an amount when it says "how many", "when", "calculate", or names a quantity:
"the price". Whatever else it says leaves open what a right answer holds.
"""

import re
from typing import Literal

Asks = Literal["anything", "amount", "other"]

_LONGEST = 4000
"""Characters of a turn that are looked at, half of them at its end: questions stand at the ends."""

_START = (
    r"(?:^|[.!?:;)\n]\s*|\b(?:can|could|would|will)\s(?:you|i)\s|\b(?:please|kindly|now|you\sto)\s)"
    r"(?:please\s|also\s|just\s)?"
)
_MADE = (
    "write|compose|create|generate|make|invent|draft|design|produce|build|develop|construct"
    "|implement|think of|come up with|give|tell|name|pick|choose|list|show|provide|share|find|say"
)
_ANSWERING = r"(?:\w+[\s-]){0,2}?(?:reply|answer|response|e-?mail|message|letter|summary)\b"
_ANYTHING = re.compile(
    rf"{_START}(?:"
    rf"(?:{_MADE})\s(?:me\s|us\s|up\s)?(?:an?|another|some|any|several|two|three|four|five|six"
    rf"|seven|eight|nine|ten|\d+|something|someone|somewhere)\b(?!\s{_ANSWERING})"
    r"|(?:suggest|recommend|propose|brainstorm|imagine|pretend|act\sas|role-?play)\b)"
    r"|\bwhat(?:'s|’s|\sis|\sare|\swould\sbe)\s(?:some|an?\s(?:good|nice|great))\b"
    r"|\b(?:an?|some|any|more|few|several|your)\s(?:examples?|ideas?|suggestions?|random)\b",
    re.IGNORECASE,
)
_QUANTITY = (
    "amount|number|quantity|total|sum|difference|product|quotient|remainder|average|mean|median"
    "|mode|area|volume|perimeter|circumference|length|width|height|depth|distance|speed|weight"
    "|mass|size|age|price|cost|fee|fare|charge|rate|percentage|share|ratio|probability|value|date"
    "|day|month|year|time|deadline|duration|temperature|population|salary|income|address"
    "|zip code|postcode|square root|factorial|result|solution|capacity|score|count|balance"
)
_AMOUNT = re.compile(
    r"\bhow\s(?:many|much|long|far|old|tall|big|often|late|early|soon|fast|quickly|high|deep|heavy"
    r"|hot|cold|wide|large|small|thick|short)\b"
    r"|\b(?:when|by\swhen|since\swhen)(?:\s*\?|['’]s\s|\s(?:do|does|did|is|are|was|were|will|would|can"
    r"|could|should|shall|must|may|might|has|have|had)\b)"
    rf"|{_START}(?:calculate|compute|convert|count|solve|evaluate|estimate|add|subtract|multiply"
    r"|divide|sum|simplify|round)\b"
    r"|\bwhat(?:'s|’s|\sis|\sare)\s[-(\d]"
    rf"|\b(?:what|which)(?:'s|’s|\s(?:is|are|was|were|will))?\s(?:[\w'’]+\s){{0,4}}?(?:{_QUANTITY})\b"
    r"|\b(?:find|determine|tell|give|provide|state|know|need|have|get|print|work\sout)\s(?:me\s|us\s)?"
    rf"(?:the|your|my|his|her|its|their|our)\s(?:\w+\s){{0,2}}?(?:{_QUANTITY})\b",
    re.IGNORECASE,
)


def asks(turn: str) -> Asks:
    """Say what the last turn of an input asks for."""
    if len(turn) > _LONGEST:
        turn = f"{turn[: _LONGEST // 2]}\n{turn[-_LONGEST // 2 :]}"
    if _ANYTHING.search(turn):
        return "anything"
    return "amount" if _AMOUNT.search(turn) else "other"
