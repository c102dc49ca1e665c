"""Answers that refuse instead of answering.

A refusal stands at the start of an answer: "I'm sorry, but I can't help with that". Later in the
text the same words mostly belong to a story or to advice. What counts is built of parts, as in
studies of over-refusal (Röttger et al., "XSTest", 2024, where "full refusal" is told by its opening
sentence):

| part | as in |
|---|---|
| an inability or unwillingness to answer | "I'm not able to", "we can't" + "discuss that" |
| a regret and an inability | "I apologize, but I'm unable" |
| declining in one word | "I must refuse", "I'd rather not" |
| a rule, a purpose or a nature | "against our guidelines", "not designed to", "as an AI I don't" |
| the request itself is judged | "it wouldn't be appropriate to answer" |

To object to a question without refusing it ("that is a stereotype") is an answer. To refuse a
harmful request is right, so the default is to flag.
"""

import functools
import re
from collections.abc import Iterable, Iterator
from operator import itemgetter

from tunesmith.data.markers import is_quoted, plain

START = 200
"""Characters from the start of an answer in which a refusal must begin."""

_OBJECT = (
    r"(?:(?:you |anyone |people |us )?(?:with |to you |out )?(?:that|this|such|any|anything"
    r"|(?:an|one) (?:answer|opinion)|how\b(?! (?:much|happy|glad|sorry|grateful|many|proud))"
    r"|(?:any|some)(?:one|body)(?: else)?'s"
    r"|(?!more\b)(?:the |a |an |your |my |another |other |specific )?(?:[\w'-]+ ){0,2}?"
    r"(?:advice|help|information|instructions?|guidance|details|assistance|support|content"
    r"|opinions?|recommendations?|steps|answers?|responses?|predictions?|diagnos[ei]s|links|code"
    r"|text|images?|stories|jokes?|material|passwords?|lists?|definitions?|reasons|arguments?"
    r"|suggestions?|ways|plans?|solutions?|data|address(?:es)?|results|names?|weapons?|essays?"
    r"|exams?|threats|recipes?|quer(?:y|ies)|requests?|questions?|topics?|conversations?"
    r"|secrets?)\b)|you(?=[.,;!]|$))"
)
_OF_HELP = (
    r"help(?:ing)?(?! (?:but|it\b|myself|\w+ing\b))|assist(?:ing)?|aid(?:ing)? (?:you|in|with)"
    r"|comply(?:ing)?|participat(?:e|ing)|tak(?:e|ing) part|engag(?:e|ing) (?:in|with)"
    r"|condon(?:e|ing)|endors(?:e|ing)|encourag(?:e|ing)(?! (?:you|people) enough)|promot(?:e|ing)"
    r"|facilitat(?:e|ing)|be (?:a )?(?:of (?:any )?(?:help|assistance|use|service)"
    r"|part(?:y)? (?:of|to)"
    r"|the one to|involved)|do(?:ing)? (?:that|this|it|so|such|anything (?:like|of))\b"
    r"|support(?:ing)? (?:that|this|any|such|or|violence)|fulfill? |fulfill?ing "
    r"|grant(?:ing)? (?:that|this|your|you)"
    r"|accommodat(?:e|ing) (?:that|this|your)"
)
_OF_SPEECH = (
    r"advis(?:e|ing)|guess(?:ing)?|discuss(?:ing)?\b|speculat(?:e|ing)|comment(?:ing)?\b"
    r"|diagnos(?:e|ing)|disclos(?:e|ing)|divulg(?:e|ing)"
    r"|reveal(?:ing)?|recommend(?:ing)? (?:that|this|it|doing|any|specific)"
    r"|suggest(?:ing)? (?:that|this|any|or)"
    r"|form(?:ing)? (?:\w+ )?opinions|tak(?:e|ing) sides|confirm(?:ing)? or deny"
    r"|walk(?:ing)? you through"
    r"|(?:answer|process|explain|describ|repeat|continu|respond to|reply to|continu\w* with"
    r"|go into|get into|proceed with|speak (?:on|to))(?:e|ing)? "
    r"(?:that|this|your|such|any|how|it\b|details|the (?:question|request|topic)"
    r"|(?:to )?questions?)"
    r"|(?:answer|continu|proceed|respond)(?:e|ing)?(?=[.,;!]|$)"
    r"|(?:talk|speak|joke)(?:ing)? about|go there\b"
    r"|(?:tell|giv|show|teach|send|offer)(?:e|ing)? you\b(?! (?:more than|enough|(?:a|the|your) "
    r"(?:refund|discount|money)|how (?:much|happy|glad|sorry|grateful|many|proud)))"
    r"|(?:generat|creat|produc|access|brows|interpret|track)(?:e|ing)?\b"
    r"|look(?:ing)? up\b"
    r"|(?:shar|releas)(?:e|ing)\b|publish|giv(?:e|ing) (?:out|away)|writ(?:e|ing)\b(?! (?:with|in"
    r"|on|left))"
    r"|do(?:ing)? (?:what|your)|(?:see|hear|watch|view) (?:images?|pictures|photos|videos?|audio"
    r"|sound)"
    r"|make (?:\w+ )?(?:calls|payments|purchases|reservations|bookings)"
    rf"|(?:provid|giv|offer|shar|tell|show|teach|writ|creat|generat|produc|mak|send|suppl|draft"
    rf"|compos|list)(?:e|ing|y)? {_OBJECT}"
    r"|provid(?:e|ing) (?:you )?(?:with )?(?:the|an?|your|(?<=with )[\w']+|\w+s)\b(?! (?:refund"
    r"|discount|receipt|guarantee))"
)
_ACT = rf"(?:be )?(?:{_OF_HELP}|{_OF_SPEECH})"
_ADVERBS = (
    r"(?:,? (?:\w+ly|just|even|ever|also|in good (?:conscience|faith)|in any way"
    r"|under any circumstances|at this time|and (?:won't|will not)|or won't),?)*"
)
_NOT = (
    rf"(?:(?:can't|won't|will not|shall not|mustn't|must not){_ADVERBS}(?: be able to| be)?"
    r"|(?:couldn't|wouldn't)(?: possibly| in good (?:conscience|faith)| be able to))"
)
_UNABLE = (
    r"(?:unable|(?:not|n't) (?:really |quite )?(?:able|going|allowed|permitted|willing|prepared"
    r"|authori[sz]ed|qualified"
    r"|supposed|at liberty|in a position|free)) to"
)
_MADE = r"(?:programmed|designed|built|trained|instructed|told|asked|made|created|meant|equipped)"
_RULES = (
    r"(?:guidelines?|polic(?:y|ies)|programming|principles|rules|values|ethics|instructions"
    r"|terms|code of conduct)"
)
_WRONG = r"(?:inappropriate|unethical|irresponsible|improper|wrong|illegal|dangerous|harmful)"
_RIGHT = r"(?:appropriate|ethical|responsible|proper|right|possible|safe|respectful)"
_MODEL = (
    r"(?:ai|artificial intelligence|language model|llm|chatbot|bot|computer program|model"
    r"|program"
    r"|(?:virtual |digital )?assistant)\b(?! (?:manager|director|professor|coach|teacher|editor))"
)
_END = r"(?=[.,;!]|$)"
_ORDINARY = (
    r"(?:\w+ly |even |just |quite )?(?:find|guarantee|promise|see|hear|make it|come|attend|be"
    r"|stay|go|understand|think|recall|remember|locate|join"
    r"|meet|wait|believe|keep|agree|afford|reach|stand|sleep|swim|drive|eat|forget|say|get|wear"
    r"|imagine|open|complain|remove|replace|deny|stress|emphasi[sz]e|stop|resist|thank)\b"
)
"""What people cannot do without refusing anything."""
_OPENS = r"(?:^|(?<=[.!?:;] )|sorry,? (?:but )?|nope,? |no,? )"
_HELPING = (
    r"(?:helping|assisting|providing|sharing|writing|giving|answering|discussing|creating"
    r"|encouraging|explaining|telling)"
)
_PHRASES = (
    # Somebody cannot or will not, and an act of answering.
    ("i",
     rf"(?<!if )(?<!what )(?<!when )i(?: \w+ly| just)? {_NOT} {_ACT}"),
    ("and aren't but i'm reasons still we're",
     rf"(?:i'm|but|and|we're|aren't|still|reasons,?) (?:\w+ly |currently |simply )?{_UNABLE} "
     rf"{_ACT}"),
    ("we",
     r"we (?:\w+ly )?(?:can't|won't|don't|aren't (?:able|allowed|permitted"
     r"|authori[sz]ed) to) (?:disclos|shar|discuss"
     r"|comment|reveal)(?:e|ing)?\b"),
    ("we",
     r"we (?:can't|don't|won't) (?:provide|give)(?: you)?(?: with)? "
     r"(?:(?:another|someone)|(?:legal|medical|financial|tax) advice)"),
    ("can't no nope not sorry unable won't",
     rf"{_OPENS}(?:can't|unable to|not able to|not going to|won't) {_ACT}"),
    ("and but i no nope so sorry",
     rf"(?:{_OPENS}|and |but |so )i (?:\w+ly )?(?:can't|won't|will not|shall not)(?=[.!;]|, sorry"
     rf"|, i'm sorry|$)"),
    ("i i'm",
     r"i (?:won't|will not) say|i'm not (?:going to say|at liberty)"),
    ("i i'd i'll",
     rf"i(?:'d| would| will|'ll)? never (?:help|assist|{_OF_SPEECH})"),
    ("i",
     rf"i (?:don't|do not) (?:assist|engage in|participate in|discuss|comment on|help (?:with"
     rf"|people|anyone)"
     rf"|(?:provid|giv|creat|shar|writ|generat|produc)e {_OBJECT})"),
    ("i'm",
     r"i'm not (?:helping|answering|discussing|telling you (?:how|that|what|where|who)"
     r"|doing (?:that|this|it)|interested in (?:help|assist|discuss))"),
    ("i",
     rf"i (?:don't|do not) (?:think (?:that )?(?:i should|that's something i)"
     rf"|want to (?:{_OF_HELP}|{_OF_SPEECH}|give you))"),
    ("area areas matter matters one question questions request requests something subject "
     "subjects topic topics",
     r"(?:something|(?:question|topic|subject|request|matter|area)s?(?: that)?"
     r"|one) (?:that )?i (?:can't|won't|will not)\b(?! (?:stop|resist|wait|live|imagine"
     r"|get enough|forget))"),
    ("n't not",
     r"(?:not|\w+n't) (?:an?|one|the)(?: \w+)? ?(?:question|topic|subject|request|matter"
     r"|one)?(?: that| which)? "
     r"i(?: can| could| should| will|'m (?:able|willing)(?: to)?)\b(?= (?:answer|address|discuss"
     r"|help|touch|talk|do|go))"),
    ("details facts information matters secrets",
     r"(?:details|information|facts|matters|secrets) (?:that |which )?i (?:can't|won't|don't)"),
    ("i i'm",
     r"i(?: can|'m able to|'m here to)? only (?:help|assist|answer|discuss|talk)"),
    ("i",
     r"i don't do (?:that|this|such)|i don't take (?:sides|positions|a (?:stance|position|side))"),
    ("isn't not",
     r"(?:not|isn't) something (?:that )?i(?: can|'m (?:able|willing|comfortable|allowed)|'d"
     r"| should| would| will|'ll)"),
    ("i in no nothing under",
     r"nothing (?:that )?i can do|no way (?:that |in which )?i(?:'m| can| could| will|'ll| would)"
     r"|i (?:can|could) neither|(?:under|in) no (?:circumstances?|case|way) (?:can|will|would"
     r"|could|shall) (?:i|we)"),
    # A regret and an inability.
    ("apologies i i'm my sorry",
     r"(?:i'm (?:very |really |so |truly )?sorry|sorry|i apologi[sz]e|(?:my )?apologies"
     r"|i regret)\b[^.!?]{0,25}?"
     r"\bi (?:can't|won't|must not)"
     rf"(?! {_ORDINARY})"),
    ("i'm regrettably sadly unfortunately",
     r"(?:unfortunately|regrettably|sadly|i'm afraid)\b[^.!?]{0,20}?\bi"
     rf"(?: can't| won't|'m unable to|'m not able to)(?! {_ORDINARY})"),
    ("but however",
     rf"(?:but|however),? (?:i|we)(?: can't| won't| will not|'m unable to"
     rf"|'m not able to)(?! {_ORDINARY})"),
    ("because due for",
     r"(?:due to|because of|for) [^,.!?]{0,30}\b(?:reasons|laws?|rules|regulations|policy|privacy"
     r"|safety"
     r"|confidentiality)\b[^,.!?]{0,20}, (?:i|we)(?: can't| won't|'m unable"
     r"|'re unable|'m not able)"),
    ("i we we're",
     r"(?:i|we) regret that (?:i|we) (?:can't|won't)|we're sorry,? but we (?:can't"
     r"|won't) (?:release|share|provide|give|tell)"),
    ("i'm sorry",
     r"(?:sorry|i'm afraid),? (?:but )?(?:that's |this is |it's |that |this |it )?(?:not|isn't"
     r"|won't be) "
     r"(?:possible|allowed|permitted)"),
    ("i'm",
     r"i'm (?:very |really |so )?sorry,? (?:but )?that's (?:not )?something"),
    ("i",
     r"i (?:wish i could|(?:would|'d) (?:love|like) to) (?:help\b|assist|answer)[^.!?]{0,30}\b"
     r"(?:but|however)"),
    # Declining in one word.
    ("i i'd i'll i'm",
     r"i(?:'m going to| must| will|'ll|'d have to| have to| need to)?(?: have to"
     r"| need to)?(?: \w+ly)? "
     r"(?:decline|refuse)(?: to (?!believe|accept|let|give up)|[.,;!]|$| (?:this|that|your|it"
     r"|because|and|as)\b)"),
    ("i i'd i'll i'm",
     r"i(?:'m going to| must| will|'ll|(?: would|'d)(?= have to)| have to| need to)(?: have to"
     r"| need to)?(?: \w+ly)? "
     r"(?:refrain|abstain|decline|refuse\b|turn (?:down|this|that|you)|say no"
     r"|pass(?= on|[.,!]|$))"),
    ("i'm we",
     r"i'm (?:declining|refusing)\b|we (?:must|have to|need to) (?:\w+ly )?(?:decline|refuse)"),
    ("i i'm",
     r"i(?:'m afraid i)? (?:must|(?:'ve got|have) to) (?:say no|turn (?:you|this|that) down)"),
    ("i in never no not turn",
     r"^(?:no way|never)[.!,]|i can't say (?:more|anything|much)|turn (?:you|this|that) down"
     r"|not my place|not for me to (?:say|judge|decide)|in no position to"),
    ("i",
     r"i (?:don't|have no) wish to|i (?:stay|remain) neutral|i (?:keep|stay) out of"),
    ("i",
     r"i (?:abstain|refrain) from|i have no intention of|i (?:choose|prefer) not to"),
    ("i i'd",
     rf"i(?:'d| would) (?:much )?(?:rather|prefer|sooner) not(?: to)?(?: {_ACT}| say\b|{_END})"),
    ("i i'd",
     r"i(?:'d| would) (?:rather|prefer)(?: to)? (?:we (?:talk|discuss|speak)|stay (?:out|away)"
     r"|talk about something)"),
    ("let's",
     r"let's (?:talk|speak) about something else|let's change the (?:subject|topic)"),
    ("i i'm",
     r"i don't feel right|i'm not comfortable|i (?:really |just )?(?:don't|wouldn't) (?:feel"
     r"|be) (?:\w+ )?comfortable"),
    ("i i'm",
     rf"(?:i'm|i feel) (?:\w+ )?(?:uncomfortable|uneasy|hesitant|reluctant) "
     rf"(?:(?:with|about) (?:this|that|your|such)|(?:to )?{_ACT})"),
    ("makes",
     r"makes me (?:\w+ )?(?:uncomfortable|uneasy)"),
    ("best better",
     r"(?:best|better) not to (?:answer|discuss|say|comment)"),
    ("declined denied has is no nope refused rejected request sorry this your",
     rf"{_OPENS}(?:your |this )?(?:request )?(?:is |has been )?(?:denied|declined|refused|rejected)"
     r"(?= ?[,:.!]|$)"),
    # A rule, a purpose or a nature.
    ("above against no",
     r"against everything i|no can do\b|above my pay grade"),
    ("against breach breaches conflict conflicts contrary n't not outside violate violates "
     "violating",
     rf"(?:against|violat(?:es?|ing)|breach(?:es)?|contrary to|conflicts? with"
     rf"|(?:not|\w+n't) within"
     rf"|outside) (?:of )?(?:my|our) "
     rf"(?:\w+ ){{0,2}}{_RULES}"),
    ("it it's that that's this",
     r"(?:that|this|it)(?: request| question)?(?: is|(?<!this)'s| goes| would be| violates)"
     r"(?: against)? "
     r"(?:my|the|our) (?:\w+ )?(?:guidelines|polic(?:y|ies)|programming|principles)"),
    ("code ethics guideline guidelines instructions policies policy principles programming "
     "rules terms values",
     rf"{_RULES}(?: of \w+)? (?:don't|doesn't|won't|will not) (?:allow|permit|let) (?:me"
     rf"|us)(?: to)? {_ACT}"),
    ("my",
     rf"my (?:\w+ )?(?:training|{_RULES}) (?:don't|doesn't|won't) (?:allow|permit|let)"),
    ("policies policy",
     r"polic(?:y|ies) (?:don't|doesn't) (?:allow|permit|let) me\b"),
    ("a company my our",
     r"(?:our|my|a|company) (?:\w+ )?policy (?:not to|against \w+ing)"),
    ("my no nobody our",
     rf"(?:our team|my team|nobody(?: here)?|no one(?: here)?) (?:can't|can|is allowed to) {_ACT}"),
    ("i",
     r"i don't have an? (?:body|birthday|physical)"),
    ("code ethics guideline guidelines instructions policies policy principles programming "
     "rules terms values",
     rf"{_RULES} (?:prevents?|forbids?|prohibits?|keeps?|stops?) (?:me|us) (?:from|to) {_ACT}"),
    ("i i'm i've",
     rf"i(?:'m| was| have been|'ve been|'m only)(?: \w+ly| only)? {_MADE} (?:not to\b|to (?:avoid"
     rf"|refuse|decline|stay))"),
    ("i i'm",
     rf"(?:i'm not|i wasn't|i haven't been)(?: \w+ly)? (?:{_MADE}|authori[sz]ed) to"
     rf"|i haven't been authori[sz]ed"),
    ("i'm",
     r"i'm (?:\w+ly )?(?:forbidden|prohibited|restricted|barred) from"),
    ("i'm",
     r"i'm (?:just|only) an? (?:ai|language model|chatbot|bot|computer program"
     r"|virtual assistant)\b"),
    ("as being i'm",
     rf"(?:as|being|i'm) an? (?:\w+[ -]){{0,2}}?{_MODEL}[^.!?]{{0,50}}?\b"
     rf"(?:i(?:'m not| can't| don't| won't|'m unable| have no| hold no| lack|'m incapable)|can't"
     rf"|don't|unable|incapable)"),
    ("as",
     rf"as an? {_MODEL},? (?:can't|don't|have no)"),
    ("i",
     r"i (?:don't have|have no|hold no)(?: any)? (?:personal |political |real )?(?:opinions?"
     r"|feelings|beliefs|preferences"
     r"|views)\b"),
    ("i",
     r"i (?:don't have|have no|lack)(?: the| any)? (?:ability|capabilit(?:y|ies)|capacity|means"
     r"|permission|authority)\b"),
    ("i",
     r"i lack\b|i have no(?: \w+)? (?:access|way (?:to|of))"),
    ("beyond exceeds out outside",
     r"(?:outside|beyond|out of|exceeds)(?: of)?(?: the)?(?: scope of)? (?:what i(?:'m| can| do)"
     r"|my (?:area|field)s? of|my (?:\w+ )?(?:abilit|capabilit|scope|power|purview|expertise"
     r"|remit))"),
    ("i'm",
     r"i'm not (?:\w+ly )?(?:permitted|authori[sz]ed|allowed) to"),
    ("because i i'm since",
     r"(?:i'm|i am|since i'm|because i'm) (?:\w+ )?(?:an? )?(?:ai|software|computer program"
     r"|program|machine)\b"
     r"[^.!?]{0,30}\b(?:i can't|have no|i don't)"),
    ("it it's no nope sorry such that that's the this",
     rf"{_OPENS}(?:this|that|it|(?:this|that|such|the) (?:information|subject|topic))"
     rf"(?: is|(?<!this)'s) "
     r"(?:\w+ )?(?:confidential|off[- ]limits|classified)"),
    ("can't",
     r"can't be (?:disclosed|revealed|given out|provided by (?:me|us))"),
    # The request itself is judged.
    ("answering assisting creating discussing encouraging explaining giving helping providing "
     "sharing telling writing",
     rf"(?:^|(?<=[.!?] )){_HELPING} (?:you|this|that|such|those|any)\b[^.!?]{{0,60}} (?:would"
     rf"|could|might|may) "
     rf"(?:be |go |put |not |{_WRONG}|violate|cause|harm|promote|encourage|against)"),
    ("n't not",
     rf"(?:not|\w+n't) (?:be )?{_RIGHT}(?: or \w+)? (?:(?:for|of) me )?to (?:{_ACT}|(?:answer"
     rf"|comment|discuss|help|provide|share|give|write|say|speculate|talk|tell|judge)\b(?! up))"),
    ("n't not",
     r"(?:not|\w+n't) (?:be )?(?:appropriate|possible|right|ethical) (?:for me|to discuss)"),
    ("be is it's",
     rf"(?:it's|is|be) (?:\w+ )?(?:{_WRONG}|impossible) (?:of|for) me to (?:{_ACT}|answer|comment"
     rf"|discuss|help|provide|share|give|write|say|tell|know)"),
    ("i",
     rf"i don't (?:think|believe|feel|consider|find)(?: that)?(?: it| it's| it is| it would be"
     rf"| this is)? {_RIGHT}(?: or \w+)? to "
     rf"(?:{_ACT}|(?:answer|comment|discuss|suggest|joke|judge|say|talk|make (?:jokes"
     rf"|assumptions))\b)"),
    ("that this your",
     rf"(?:this|that|your) (?:request|question) (?:is|was|seems|appears)(?: to be)? (?:{_WRONG}"
     rf"|not appropriate)"),
)  # fmt: skip
"""Patterns, each after the words with which it can begin; n't is the end of one."""


def _any_of(words: Iterable[str]) -> str:
    """Return a pattern of words that looks at each of their letters once."""
    by_letter: dict[str, list[str]] = {}
    for word in words:
        by_letter.setdefault(word[:1], []).append(word[1:])
    ends = "?" if by_letter.pop("", None) else ""
    ways = [letter + _any_of(rests) for letter, rests in by_letter.items()]
    return f"(?:{'|'.join(ways)}){ends}" if ways else ""


_FIRST = frozenset(word for words, _ in _PHRASES for word in words.split())
_BEGINNING = re.compile(rf"(?<![\w'])(?:{_any_of(_FIRST)}(?![\w'])|\w+n't\b)")


@functools.cache
def _beginning_with(word: str) -> re.Pattern[str]:
    """Return what can begin with a word; to try all of them at each takes five times as long."""
    begins = {word, "n't" if word.endswith("n't") else word}
    found = [pattern for words, pattern in _PHRASES if not begins.isdisjoint(words.split())]
    return re.compile("|".join(found))


_LETTERS = bytes(code if chr(code).isalnum() else 32 for code in range(128)).ljust(256)
_BEGIN = itemgetter(slice(6))
_WORDS = frozenset(
    (
        b"t no not cannot nothin never neithe nobody unable sorry wish help declin refuse refusi "
        b"refrai abstai turn pass rather prefer let uncomf uneasy hesita reluct "
        b"agains outsid beyond guidel policy polici rules "
        b"instru avoid stay forbid prohib restri barred just only lack incapa imposs confid off "
        b"classi neutra out progra helpin assist provid sharin writin giving answer "
        b"discus creati encour explai tellin wrong unethi inappr irresp improp illega danger "
        b"harmfu pay exceed team princi ethics values terms conduc denied reject "
    ).split()
)
"""How the words begin of which one is in every refusal of `_PHRASES`; t is that of n't."""
_SENTENCE = re.compile(r"[^.!?]+[.!?]*")


def find_refusal(answer: str) -> str | None:
    """Return the wording with which an answer refuses near its start, or None."""
    opening = answer[: 2 * START].lower()
    if not _may_refuse(opening):
        return None
    start = plain(opening).replace("a.i.", "ai")
    for sentence in _SENTENCE.finditer(start):
        if sentence.start() < START and _may_refuse(sentence.group()):
            for match in _refusals(start, *sentence.span()):
                if match.start() >= START:
                    return None
                if not is_quoted(start, match.start()):
                    return match.group()
    return None


def _refusals(text: str, start: int, end: int) -> Iterator[re.Match[str]]:
    """Find those of a sentence, from left to right."""
    for word in _BEGINNING.finditer(text, start, end):
        pattern = _beginning_with(word.group() if word.group() in _FIRST else "n't")
        if match := pattern.match(text, word.start(), end):
            yield match


def _may_refuse(text: str) -> bool:
    """Whether a refusal may be there: a look at the words, as quick as gateways need it."""
    words = text.encode("ascii", "replace").translate(_LETTERS).split()
    return not _WORDS.isdisjoint(map(_BEGIN, words))
