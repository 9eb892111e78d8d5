r"""The normal form of LaTeX: one spelling for what TeX would set alike.

``\dfrac12``, ``\frac{1}{2}`` and ``\tfrac 1 2`` have one normal form; so have ``\left(1, 2\right)``
and ``(1,2)``. Nothing is calculated here: ``1/2`` and ``0.5`` stay what they are. All steps are
regular expressions and one pass over the tokens, so the time is linear and nothing is executed.
"""

import re

_SIGNS = str.maketrans(
    {
        "−": "-", "–": "-", "×": r"\times ", "·": r"\cdot ", "÷": "/", "π": r"\pi ",
        "∞": r"\infty ", "°": r"^\circ ", "≤": r"\le ", "≥": r"\ge ", "≠": r"\ne ", "∪": r"\cup ",
        "√": r"\sqrt ", "²": "^2", "³": "^3", "½": r"\frac12 ", "¼": r"\frac14 ",
        "¾": r"\frac34 ", "θ": r"\theta ", "∈": r"\in ", "£": r"\$", "€": r"\$",
        "\u00a0": " ", "\u2009": " ", "\u202f": " ",
    }
)  # fmt: skip

_SPELLINGS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (r"(?<=\d)\\,(?=\d{3}(?!\d))", ""),
        (r"\\!\s*|\{\}|\\(?:displaystyle|limits|nolimits)(?![A-Za-z])", ""),
        (r"\\(?:left|right)\s*\.", ""),
        (r"\\(?:left|right|[bB]igg?[lrm]?)(?![A-Za-z])", ""),
        (r"\{,\}", ","),
        (r"\\[,;: ]|~|\\q?quad(?![A-Za-z])|\\phantom\s*\{[^{}]*\}", " "),
        (r"\\div(?![A-Za-z])", "/"),
        (r"\\[dtc]frac(?![A-Za-z])", r"\\frac "),
        (r"\\leq(?:slant)?(?![A-Za-z])|<=", r"\\le "),
        (r"\\geq(?:slant)?(?![A-Za-z])|>=", r"\\ge "),
        (r"\\neq(?![A-Za-z])", r"\\ne "),
        (r"\\lt(?![A-Za-z])", "<"),
        (r"\\gt(?![A-Za-z])", ">"),
        (r"\\(?:times|cdot|ast)(?![A-Za-z])|\*\*?", "*"),
        (r"\\lbrace(?![A-Za-z])", r"\\{"),
        (r"\\rbrace(?![A-Za-z])", r"\\}"),
        (r"\\(?:lbrack|lparen)(?![A-Za-z])", "["),
        (r"\\(?:rbrack|rparen)(?![A-Za-z])", "]"),
        (r"\\(?:var)?nothing(?![A-Za-z])|\\varnothing(?![A-Za-z])", r"\\emptyset "),
        (r"\\degrees?(?![A-Za-z])|\^\s*\{\s*\\circ\s*\}", r"^\\circ "),
        (r"\\(?:boxed|fbox)\s*(?=\{)", ""),
        (r"\\(?:mbox|textnormal|textrm|textbf|textit|textup|mathrm|mathbf|operatorname)(?=\s*\{)",
         r"\\text"),
        (r"\\begin\s*\{[bBpv]?(?:small)?matrix\}", r"\\begin{matrix}"),
        (r"\\end\s*\{[bBpv]?(?:small)?matrix\}", r"\\end{matrix}"),
        (r"(?<![A-Za-z\\])(?:infinity|infty|oo)(?![A-Za-z])", r"\\infty "),
        (r"(?<![A-Za-z\\])(sqrt|pi|sin|cos|tan|log|ln|exp)(?![A-Za-z])", r"\\\1 "),
        (r"\\sqrt\s*\(([^()]*)\)", r"\\sqrt{\1}"),
        (r"\^\s*\(([^()]*)\)", r"^{\1}"),
    )
)  # fmt: skip

# One symbol; TeX's own rule is that an argument without braces is one symbol. After "^", "_" and
# a root a number is taken whole all the same, since people who write "x^10" mean 10.
_ONE = r"\s*(\d|[A-Za-z]|\\(?!circ|text|frac|sqrt)[A-Za-z]+)"
_WHOLE = r"\s*(\d+|[A-Za-z]|\\(?!circ|text|frac|sqrt)[A-Za-z]+)"
_GROUP = r"\s*(\{(?:[^{}]|\{[^{}]*\})*\})"
_ARGUMENTS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), put)
    for pattern, put in (
        (r"\\sqrt(\s*\[[^\[\]{}]*\])?" + _WHOLE, r"\\sqrt\1{\2}"),
        (r"\^" + _WHOLE, r"^{\1}"),
        (r"(\\log\s*)_\s*(\d)", r"\1_{\2}"),
        (r"_" + _WHOLE, r"_{\1}"),
        (r"\\frac" + _ONE + _ONE, r"\\frac{\1}{\2}"),
        (r"\\frac" + _ONE + r"\s*(?=\{)", r"\\frac{\1}"),
        (r"\\frac" + _GROUP + _ONE, r"\\frac\1{\2}"),
    )
)

_DELIMITED = re.compile(r"\$\$(.*)\$\$|\$((?:[^$\\]|\\.)*)\$|\\\((.*)\\\)|\\\[(.*)\\\]", re.DOTALL)
_TOKEN = re.compile(r"\\[A-Za-z]+|\\.|\d+(?:\.\d+)?|\.\d+|\S", re.DOTALL)
_SPACE = re.compile(r"\s+")
_DETERMINANT = re.compile(r"\\begin\s*\{[vV]matrix\}")


def spelled(text: str) -> str:
    """``text`` with one spelling for each sign and command; its spaces are still there."""
    text = text.translate(_SIGNS).strip()
    while inner := _DELIMITED.fullmatch(text):
        text = next(group for group in inner.groups() if group is not None).strip()
    text = text.replace("\\\\", r"\cr ")
    if _DETERMINANT.search(text):
        return text  # bars make it a number, which is not the matrix: left to others
    for pattern, put in _SPELLINGS:
        text = pattern.sub(put, text)
    return _SPACE.sub(" ", text).strip()


def joined(text: str) -> str:
    r"""A `spelled` text without spaces, arguments in braces: ``\frac 12`` is ``\frac{1}{2}``."""
    for pattern, put in _ARGUMENTS:
        text = pattern.sub(put, text)
    return _glued([_decimal(token) for token in _TOKEN.findall(text)])


def _decimal(token: str) -> str:
    return "0" + token if token[0] == "." and len(token) > 1 else token


def _glued(tokens: list[str]) -> str:
    """One string; spaces only where two names or two numbers would become one."""
    out: list[str] = []
    for token in tokens:
        before = out[-1] if out else ""
        names = before[:1] == "\\" and before[-1].isalpha() and token[0].isalpha()
        numbers = before[-1:].isdigit() and token[0].isdigit()
        out.append(" " + token if names or numbers else token)
    return "".join(out)
