"""Where the code of a text is: what it spells out are identifiers and literals, not stated facts.

Code stands in fences, in backticks, in lines that no prose looks like, and in calls with a quoted
argument inside a sentence. Of markup the tags are code, the text is not. JSON, YAML, CSV and the
like are data, and state facts as prose does.
"""

import re
from collections.abc import Iterator

Span = tuple[int, int]

_FENCE = re.compile(
    r"^[ \t]*```+[ \t]*(?P<tag>[\w+#.-]*)[^\n]*\n(?P<body>.*?)(?:^[ \t]*```|\Z)", re.M | re.S
)
_DATA_TAGS = """
json jsonl json5 yaml yml csv tsv xml toml ini text txt plain markdown md email
"""
_DATA = frozenset(_DATA_TAGS.split())
"""Tags of fences that hold data or prose: their lines are judged one by one, as without a tag."""
_INLINE = re.compile(r"(?<!`)`(?P<code>[^`\n]{1,200})`(?!`)")
_INLINE_SIGN = re.compile(
    r"[_(){}\[\]=<>;\\|]|[a-z][A-Z]|^--?[a-z]|^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+$|^[a-z]+ -"
)
_CALL = re.compile(
    r"(?<![\w.])[A-Za-z_]\w{0,40}(?:\.\w{1,40}){0,4}\(\s{0,4}"
    r"(?P<quote>['\"])[^\n]{0,2000}?(?P=quote)\s{0,4}\)"
)
_TAG = re.compile(r"</?[A-Za-z!?][^<>\n]{0,300}(?=>)")
"""A tag of a markup language, but for the sign that ends it: a sentence may start behind that."""
_STATEMENTS = r"""
    \#!/ | \#include\b | \#define\s | <\?php | <!DOCTYPE | \$\s\w
  | (?:async\s+)?def\s+\w+\s*\(
  | (?:class|namespace|interface|struct)\s+\w+\s*(?:[({:]|$|extends\s|implements\s)
  | (?:from\s+[\w.]+\s+)?import\s+[\w.*]+(?:\s+as\s+\w+)?(?:\s*,\s*[\w.*]+(?:\s+as\s+\w+)?)*\s*;?$
  | import\s+(?:[{('"]|\w+\s+from\s+['"]) | using\s+[\w.]+; | package\s+[\w.]+;?$
  | (?:export\s+|default\s+)*(?:async\s+)?function\b\s*\w*\s*\(
  | (?:public|private|protected|static|final)\s+[\w<>\[\]]+\s+\w+.*[({;=]
  | (?:(?:public|private|protected|static|final|abstract)\s+)+(?:class|interface|enum|struct)\s+\w
  | (?:const|let|var|val|auto|int|float|double|char|bool|string|String|long)\s+[\w\[\]]+\s*[=;]
  | (?:for|while|if|switch|foreach|elif|catch)\s*\(.*[{;)]$
  | for\s+\w+(?:,\s*\w+)*\s+in\s.+:$ | (?:if|elif|while)\s.*(?:[=<>!]=|[<>(\[]).*:$
  | (?:else|try|finally|except\b.*):$ | \}?\s*else\s*\{?$
  | return\b(?:\s.*;|\s+[\w.]+\(.*\)|\s+\w+\s*[-+*/%]\s*\w+)?$
  | SELECT\s+[\w.*()]+(?:\s*,\s*[\w.*()]+)*$
  | (?:SELECT\s.*\bFROM|INSERT\s+INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM|(?:CREATE|ALTER)\s+TABLE)\b
  | (?:echo|export|sudo|cd|npm|pip|git|curl|docker|grep|find|chmod|mkdir)\s+[-"'$./\w].*(?<![.!?])$
  | if\s+\[.*\] | (?:then|fi|done|esac|do|end)$ | .*;\s*(?:do|then)$
  | [a-z][\w.-]*\s(?=(?:.*\s)?--?[A-Za-z]).*(?<![.!?,:])$
  | cout\s*<< | \w+\s*::\s
"""
"""How a line starts that only code has; the last but one is a command with an option."""
_EXPRESSIONS = r"""
    [\w.$\[\]'"]+\s*(?:[-+*/%|&]|//|\*\*|<<|>>)?=\s*
    (?:[A-Za-z_][\w.]+\(.*|[\[{].*(?:\sfor\s|\w\().*|"?\$[A-Za-z_({].*|new\s.*|\(.*\)\.\w+.*)$
  | [A-Za-z_][\w.:>-]*\(.*\);?$ | [\w.$\[\]]+(?:\+\+|--);?$
  | .*(?:[\w\])"']\(.*\)|\w\s*[-+*/]?=\s.*|\+\+|--|\breturn\b.*);$
  | (?!["']?[^"'\n]*["']?\s*:).*[\w)\]'"]\s*=>\s*[\[{(]
  | (?!\s*["'][^"'\n]*["']\s*:)[^\s{].*\{$ | \}\)+;?$
"""
"""Assignments of what is computed, calls, statements with their semicolon, and blocks."""
_STRONG = re.compile(rf"\s*(?:{_STATEMENTS}|{_EXPRESSIONS})", re.VERBOSE)
_WEAK = re.compile(
    r"\s{2,}\S|\t|\s*(?:#|//|/\*|\*/|--\s|@\w+)|\s*[.)\]}]|.*[;{(\[,\\]$"
    r"|\s*[\w.\[\]'\"$]+\s*(?:[-+*/]|//|\*\*)?=\s*\S"
    r"|\s*(?:print|echo|puts|return|break|continue|pass|raise|throw|yield|assert|case|default)\b"
    r"|\s*(?:FROM|WHERE|JOIN|LEFT|INNER|GROUP\sBY|ORDER\sBY|HAVING|LIMIT|VALUES|SET|AND|ON)\b"
    r"|(?![A-Z]).*(?:[|$\\=+<>{}\[\]_]|::|\w\(|\s-\w).*(?<![.!?])$"
)
"""A line that is code beside one that surely is."""
_BARE = re.compile(r"[\s{}()\[\];,]*$")
"""A line of brackets alone, or an empty one, which parts nothing."""
_LONGEST = 400
"""Characters of a line that is looked at."""
_SIGNS = (
    *("`", "=", "{", "}", ";", "</", "/>"),
    *("import ", "class ", "def ", "SELECT ", "DELETE ", "CREATE TABLE"),
)
_CALLED = re.compile(r"[\w>]\(")
_COMMAND = re.compile(r"#!|\$\s|[a-z][\w.-]*\s(?:.*\s)?--?[A-Za-z]")
_STRING = re.compile(r"(?P<quote>['\"])[^\n]{0,200}?(?P=quote)")
_SENTENCE = re.compile(r"[A-Z][\w'’]*,?\s(?:[\w'’]+,?\s){2}[^;{}=\[\]]*[.!?]$")
_OPENING, _CLOSING = "([{", ")]}"


def code_spans(text: str) -> list[Span]:
    """Return where code stands in a text, in order; spans may overlap."""
    if not _may_hold_code(text):
        return []
    spans: list[Span] = []
    if "`" in text:
        spans += _quoted(text)
    if "(" in text:
        spans += (match.span() for match in _CALL.finditer(text))
    if "</" in text or "/>" in text:
        spans += (match.span() for match in _TAG.finditer(text))
    spans += _lines(text)
    return sorted(spans)


def _may_hold_code(text: str) -> bool:
    """Whether a text has a sign without which it holds no code, seen at little cost."""
    for sign in _SIGNS:
        if sign in text:
            return True
    if _COMMAND.match(text):
        return True
    return "(" in text and _CALLED.search(text) is not None


def _quoted(text: str) -> Iterator[Span]:
    for fence in _FENCE.finditer(text) if "```" in text else ():
        tag = fence["tag"].lower()
        if tag and tag not in _DATA:
            yield fence.span("body")
    for match in _INLINE.finditer(text):
        if _INLINE_SIGN.search(match["code"]):
            yield match.span()


def _lines(text: str) -> Iterator[Span]:
    """Yield the lines that are code: those that surely are, and the likely ones beside them."""
    lines = text.split("\n")
    kinds = [_kind(line) for line in lines]
    if "strong" not in kinds:
        return
    _inside_brackets(lines, kinds)
    _beside_code(kinds)
    kinds.reverse()
    _beside_code(kinds)
    kinds.reverse()
    at = 0
    for line, kind in zip(lines, kinds, strict=True):
        if kind == "strong":
            yield at, at + len(line)
        at += len(line) + 1


def _kind(line: str) -> str:
    if len(line) > _LONGEST:
        return "prose"
    if _BARE.match(line):
        return "bare"
    line = line.rstrip()
    if _STRONG.match(line):
        return "strong"
    return "weak" if _WEAK.match(line) else "prose"


def _inside_brackets(lines: list[str], kinds: list[str]) -> None:
    """What stands between the bracket that code opens and the one that closes it is code."""
    depth = 0
    for index, line in enumerate(lines):
        if depth > 0 and _SENTENCE.match(line):  # the bracket was never closed
            depth = 0
        if depth > 0 and kinds[index] != "bare":
            kinds[index] = "strong"
        if kinds[index] == "strong" or depth > 0:
            if '"' in line or "'" in line:
                line = _STRING.sub("", line)
            depth += sum(map(line.count, _OPENING)) - sum(map(line.count, _CLOSING))
            depth = max(depth, 0)


def _beside_code(kinds: list[str]) -> None:
    after = False
    for index, kind in enumerate(kinds):
        if kind == "weak" and after:
            kinds[index] = "strong"
        if kind != "bare":
            after = kinds[index] == "strong"
