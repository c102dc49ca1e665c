"""What each check does with a row in which it finds something, and from which threshold.

In a recipe a check is its action alone, or its action with thresholds:

    checks:
      refusal: drop
      language: {action: drop, expected: [en, de]}
"""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from tunesmith.stage import Params

Action = Literal["drop", "flag", "off"]
_ACTION = "`drop` the row, `flag` and keep it, or `off`."


class CheckParams(Params):
    """One check; its action may stand alone in its place."""

    @model_validator(mode="before")
    @classmethod
    def _action_alone(cls, given: Any) -> Any:
        given = {"action": given} if isinstance(given, str | bool) else given
        if isinstance(given, dict) and given.get("action") is False:
            # YAML reads a bare `off` as false.
            return {**given, "action": "off"}
        return given


class RefusalParams(CheckParams):
    """Answers that refuse, in their first 200 characters."""

    action: Action = Field("flag", description=_ACTION)


class TruncatedParams(CheckParams):
    """Answers that stop inside a sentence, a code fence or brackets."""

    action: Action = Field("drop", description=_ACTION)


class TurnMarkerParams(CheckParams):
    """Answers that run on into another turn, or hold tokens of a chat template."""

    action: Action = Field("drop", description=_ACTION)


class DegenerateParams(CheckParams):
    """Answers that repeat themselves."""

    action: Action = Field("drop", description=_ACTION)
    lines: float = Field(
        0.3,
        ge=0,
        le=1,
        description="Most of an answer's words in lines that stand earlier already.",
    )
    phrases: float = Field(
        0.6, ge=0, le=1, description="Most of an answer's words in a 5-gram that stands earlier."
    )


class LanguageParams(CheckParams):
    """Answers in another language than expected, or than their prompt."""

    action: Action = Field("flag", description=_ACTION)
    expected: tuple[str, ...] = Field(
        (),
        description="ISO 639 codes of an answer's languages; without one, the prompt's.",
    )
    confidence: float = Field(
        0.7, ge=0, le=1, description="How sure the language model must be of the answer's."
    )

    @field_validator("expected")
    @classmethod
    def _codes(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        for code in codes:
            if not (2 <= len(code) <= 3 and code.isascii() and code.islower()):
                raise ValueError(f"{code!r} is not a code such as en, de or yue")
        return codes


class TooLongParams(CheckParams):
    """Rows that are longer than the model is trained on."""

    action: Literal["drop", "cut_input", "chunk", "flag", "off"] = Field(
        "drop",
        description=(
            "`drop` the row, `cut_input` from its start, `chunk` it into several rows, `flag`, or "
            "`off`. What cannot be cut or divided so that it fits is dropped."
        ),
    )
    tokens: int = Field(
        1024,
        ge=2,
        description="Most tokens of a row; what train.max_length allows.",
    )


class PersonalParams(CheckParams):
    """Personal data: e-mail, phone, IBAN, card, social security number, IP address."""

    action: Literal["drop", "mask", "flag", "off"] = Field(
        "flag", description="`drop` the row, `mask` the data by pseudonyms, `flag`, or `off`."
    )
    salt: str = Field(
        "", description="With one, a pseudonym is the same in all rows; keep it secret."
    )


class ToxicityParams(CheckParams):
    """Insults, slurs and threats, as a score; it never drops a row."""

    action: Literal["flag", "off"] = Field("flag", description="`flag` and keep the row, or `off`.")
    score: float = Field(0.5, gt=0, le=1, description="Lowest score that flags.")


class SycophancyParams(CheckParams):
    """Answers that turn round when the user pushes back without a reason."""

    action: Action = Field("flag", description=_ACTION)
    score: float = Field(0.5, gt=0, le=1, description="Lowest score that counts.")


class ContextParams(CheckParams):
    """A set whose answers cannot come from their inputs."""

    action: Action = Field(
        "drop",
        description=(
            "`drop` refuses the whole set when grounding is asked for and too many rows lack it; "
            "`flag` only marks the rows; `off`."
        ),
    )
    most: float = Field(
        0.5, ge=0, le=1, description="Most of the answers that may state a fact of no source."
    )


class Checks(Params):
    """The checks of a row, in the order in which they look at it."""

    personal: PersonalParams = Field(PersonalParams(), description="Personal data.")
    too_long: TooLongParams = Field(TooLongParams(), description="Rows too long to train on.")
    refusal: RefusalParams = Field(RefusalParams(), description="Answers that refuse.")
    truncated: TruncatedParams = Field(TruncatedParams(), description="Answers without their end.")
    turn_marker: TurnMarkerParams = Field(
        TurnMarkerParams(), description="Answers with a marker of another turn in them."
    )
    degenerate: DegenerateParams = Field(DegenerateParams(), description="Answers in a loop.")
    language: LanguageParams = Field(LanguageParams(), description="Answers in a wrong language.")
    toxicity: ToxicityParams = Field(ToxicityParams(), description="Toxic answers, by a score.")
    sycophancy: SycophancyParams = Field(
        SycophancyParams(), description="Answers that give in to pressure."
    )
    context: ContextParams = Field(ContextParams(), description="Sets without their sources.")
