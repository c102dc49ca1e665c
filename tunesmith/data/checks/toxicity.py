"""How toxic a text is: insults, slurs, threats and vulgar words, weighed and added up.

A list of words is the oldest method there is, and the only one here that can be read, weighed and
repeated on any machine: the small trained models that exist come as pickles bound to one version of
scikit-learn, and what they learned they keep to themselves. It knows only English, takes a quoted
insult for an insult, and misses contempt in polite words. So it is a score that flags a row for a
look, and never a gate.

The score is 1 - (1 - w1)(1 - w2)…, over the distinct words and phrases found: independent signs,
each of which leaves the share 1 - w of doubt that was there. One strong word is 0.6; mild words
count only beside "you" in the same sentence, where they are aimed at somebody. A word that stands
in quotation marks alone, or with two others at most, is named and not said: it counts half.
"""

import codecs
import re
from collections.abc import Set

from tunesmith.data.entities.text import words_of

_STRONG, _MEDIUM, _MILD = 0.6, 0.35, 0.2
# Written in ROT13 so that nobody reads them who does not mean to.
_WORDS = {
    _STRONG: """
avttn avttnf avttre avttref enturnq enturnqf ergneq ergneqf ergneqrq fcvp fcvpf fuvgurnq
fuvgurnqf fyhg fyhgf gbjryurnq gbjryurnqf genaal genaavrf gjng gjngf jnaxre jnaxref jrgonpx
jrgonpxf juber juberf nefrubyr nefrubyrf nffubyr nffubyrf ohyyfuvg onfgneq onfgneqf ovgpu
ovgpurf pbpxfhpxre pbpxfhpxref phag phagf puvax puvaxf qlxr qlxrf qvpxurnq qvpxurnqf shpx shpxf
shpxre shpxref shpxrq shpxva shpxvat snt sntf snttbg snttbgf tbbx tbbxf xvxr xvxrf zbgureshpxre
zbgureshpxref zbgureshpxvat
""",
    _MEDIUM: """
cbea cevpx cevpxf chffl chffvrf cvff cvffrq encr encvat encvfg fhouhzna fhouhznaf fphzont
fphzontf fuvg fuvgf fuvggl fuvggvat fxnax irezva nff nffrf obyybpxf pbpx pbpxf pergva qbhpur
qbhpuront qhzonff qhzonffrf qrtrarengrf qvpx qvpxf svygu ubr ubrf vqvbg vqvbgf vzorpvyr
vzorpvyrf wnpxnff wrexbss zbeba zbebaf zbyrfg
""",
    _MILD: """
anmv anmvf cngurgvp fghcvq fhpxf fperj fphz fuhg genfu htyl jbeguyrff oybbql penc penccl perrc
qhzo qnza qnzarq qvfthfgvat qvr tbqqnza tneontr ungr uryy wrex xvyy xvyyvat ybfre ybfref
""",
}
_WEIGHTS = {
    word: weight
    for weight, words in _WORDS.items()
    for word in codecs.decode(words, "rot13").split()
}
_PHRASES = (
    (0.9, r"kill (?:your|him|her|them)sel(?:f|ves)|i(?:'ll| will|'m going to) (?:kill|rape) you"),
    (0.8, r"(?:hope|wish) (?:that )?(?:you|they|he|she)(?: all)? (?:will |would )?"
          r"(?:die|get raped)"),
    (0.7, r"(?:deserves?|ought) to (?:die|be (?:shot|hanged|killed|raped|gassed|beaten))"),
    (0.6, r"(?:all|those|these|most) (?:\w+ ){1,2}are (?:just |all )?(?:vermin|scum|filth"
          r"|animals|criminals|rapists"
          r"|terrorists|parasites|savages|inferior|subhuman|thieves|lazy|dirty|stupid)"),
    (0.5, r"you(?:'re| are) (?:such |just |nothing but |really |so |all )?(?:an? )?(?:\w+ )?"
          r"(?:stupid|idiot|moron|dumb|worthless|pathetic|disgusting|ugly|loser|trash|garbage|scum)"),
)  # fmt: skip
_SENTENCE = re.compile(r"[.!?\n]+")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
_NAMED = re.compile(
    r"\"[^\"\s]+(?: [^\"\s]+){0,2}\"|\u201c[^\u201d\s]+(?: [^\u201d\s]+){0,2}\u201d"
)
_AIMED = frozenset(("you", "your", "you're", "yourself", "u", "ur"))
_COMPILED = tuple((weight, re.compile(rf"\b(?:{phrase})\b")) for weight, phrase in _PHRASES)
_TRIGGERS = (" kill", "hope", "wish", "deserve", "ought", " are ", "you're")


def toxicity(text: str) -> float:
    """Return how toxic a text is, from 0 to below 1, to three digits."""
    low = text.replace("\u2019", "'").lower()
    found: Set[str] = frozenset()
    if not words_of(low).isdisjoint(_WEIGHTS):
        found = _WEIGHTS.keys() & set(_WORD.findall(low))
    strong = [word for word in found if _WEIGHTS[word] > _MILD]
    signs = [_WEIGHTS[word] for word in strong]
    if strong and ('"' in low or "\u201c" in low):
        said = set(_WORD.findall(_NAMED.sub(" ", low)))
        signs = [_WEIGHTS[word] if word in said else _WEIGHTS[word] / 2 for word in strong]
    if len(strong) < len(found):
        signs += [_MILD] * len(_aimed(low, found))
    if any(trigger in low for trigger in _TRIGGERS):
        signs += [weight for weight, pattern in _COMPILED if pattern.search(low)]
    doubt = 1.0
    for sign in sorted(signs):
        doubt *= 1 - sign
    return round(1 - doubt, 3)


def _aimed(low: str, found: Set[str]) -> set[str]:
    """The mild words among those found that stand in a sentence with "you"."""
    mild = {word for word in found if _WEIGHTS[word] == _MILD}
    aimed: set[str] = set()
    for sentence in _SENTENCE.split(low):
        words = set(_WORD.findall(sentence))
        if words & _AIMED:
            aimed |= words & mild
    return aimed
