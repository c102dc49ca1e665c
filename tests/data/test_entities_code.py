"""What of a text is code, and what is data or prose that only looks like it."""

import pytest

from tunesmith.data.entities.code import code_spans


def prose(text: str) -> str:
    """Return the text without its code."""
    kept = [
        char for at, char in enumerate(text) if not any(a <= at < b for a, b in code_spans(text))
    ]
    return "".join(kept).strip()


@pytest.mark.parametrize(
    "text",
    [
        "def area(w, h):\n    return w * h\n\nprint(area(5, 8))",
        "#include <iostream>\nusing namespace std;\n\nint main() {\n    int width = 5;\n    return 0;\n}",
        "using System;\n\nnamespace Shapes\n{\n    class Square\n    {\n        int side = 4;\n    }\n}",
        "function pick(list) {\n  return list.filter((one) => one > 7);\n}\n\npick([3, 9]);",
        "public class Mean {\n    public static void main(String[] args) {\n        int n = 3;\n    }\n}",
        "#!/bin/bash\n\nLIMIT=90\nfor disk in $(df); do\n  echo $disk\ndone\nls -lSh",
        "SELECT name, age\nFROM users\nWHERE age > 30\nORDER BY age DESC;",
        "import numpy as np\nfrom math import sqrt, pi\nx = np.zeros(12)",
        "const url = 'https://api.example.com/v2';\nfetch(url)\n  .then(r => r.json());",
        "squares = [n ** 2 for n in range(1, 11)]",
        "[3, 9].map(n => n * 7).forEach(print);",
        "CREATE TABLE Orders (\nTotal int default 45\n);",
        "twice :: Int -> Int\ntwice n = 2 * n",
        "grep -rn needle src",
        "```python\nthe 45 is not stated\n```",
    ],
)
def test_code_is_code_from_its_first_line_to_its_last(text: str) -> None:
    assert prose(text).strip("`\n {}();") in ("", "python")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Call `parse_int(45)` for it.", "Call  for it."),
        ("Use `ArrayList` or `os.path` with `--depth 3`.", "Use  or  with ."),
        ("The root of 9 is python('9 ** 0.5').", "The root of 9 is ."),
        ("```js\nlet a = 4\n```\nIt costs $12.", "```js\n```\nIt costs $12."),
        (
            'while (top != 3) {\n    push("(");\n\nWe spoke with Maria about 45 boxes.',
            "We spoke with Maria about 45 boxes.",
        ),
        ("<b>Maria</b> owes <i class='x9'>45</i> euros.", ">Maria> owes >45> euros."),
        (
            "It is 45.\n\ntotal = sum(parts)\nprint(total)\n\nAsk Maria.",
            "It is 45.\n\n\n\n\nAsk Maria.",
        ),
    ],
)
def test_the_prose_beside_code_is_left(text: str, left: str) -> None:
    assert prose(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "Dear Ms Jones,\n\nYour refund of $45 is on its way; it takes 3 days.\n\nKind regards,\nMaria",
        "- the first part costs $45;\n- the second (a set of 3);\n- the rest: nothing.",
        "Total = $45\nDue = 5 March",
        "x = 4, so 3x = 12 and x + 5 = 9.",
        "2x = 10\nx = 5\n#### 5",
        "# Summary\n\nWe sold 45 units (see page 3).",
        "import duties of 45 euros apply.",
        "from Paris import taxes are 45",
        "return of the $45 is due",
        "class action 45 was filed",
        "for 45 euros (see the invoice):",
        "if you pay by card (or cash):",
        "select 3 of the 45 from the list",
        "Update the address, then set it to Main Street 45.",
        "It is well-known - see above - that 45 is odd.",
        "while in Rome, we paid 45 euros",
        "He said: do it {soon} [or 45 days later];",
        "The total is `45`, the order is `TK-48213`, due `2024-03-05`.",
        'Maria (our manager) said "45 days" to Tom(\'s friend).',
        "| Name | Amount |\n|---|---|\n| Maria | 45 |",
    ],
)
def test_prose_lists_tables_and_equations_are_no_code(text: str) -> None:
    assert code_spans(text) == []


@pytest.mark.parametrize(
    "text",
    [
        '{"amount": 45, "name": "Maria Jones"}',
        '{\n  "items": [\n    {"sku": "TK-48213", "qty": 3}\n  ]\n}',
        '```json\n{\n  "amount": 45,\n  "parts": {\n    "due": "2024-03-05"\n  }\n}\n```',
        '```\n{"amount": 45}\n```',
        'Here you are:\n\n{\n  "amount": 45\n}',
        "{'amount': 45, 'name': 'Maria'}",
        "result = {'amount': 45}",
        "amount,name\n45,Maria",
        "amount: 45\nname: Maria\nitems:\n  - sku: TK-48213\n    qty: 3",
        "```\nDear Ms Jones,\nYour refund of $45 is on its way.\n```",
    ],
)
def test_data_is_no_code(text: str) -> None:
    assert code_spans(text) == []


@pytest.mark.timeout(60)  # a step that is not linear needs minutes for one of these
@pytest.mark.parametrize(
    "unit", ["a(", "`a`", "<a ", "</", "x = ", "a -b ", "f('", "```\n", "{", "a;\n"]
)
def test_repetitive_text_takes_linear_time(unit: str) -> None:
    code_spans(unit * (60_000 // len(unit)))
    code_spans((unit * 150 + "\n") * 100)
