import pytest

from tests.tiny_model import TEMPLATE
from tunesmith.errors import InputError
from tunesmith.training.loading import load_tokenizer
from tunesmith.training.template import answer_ids, end_ids, prompt_ids

PROMPT = [{"role": "system", "content": "Write."}, {"role": "user", "content": "Mary wants."}]


@pytest.fixture
def tokenizer(tiny_base):
    return load_tokenizer(tiny_base)


def test_prompt_and_answer_render_to_the_whole_chat(tokenizer):
    ids = prompt_ids(tokenizer, PROMPT) + answer_ids(tokenizer, PROMPT, "Subject: x")
    chat = [*PROMPT, {"role": "assistant", "content": "Subject: x"}]
    assert tokenizer.decode(ids) == tokenizer.apply_chat_template(chat, tokenize=False)


def test_an_answer_that_begins_with_white_space_does_not_change_the_prompt(tokenizer):
    # A tokenizer with a token for two line ends would merge them across the boundary.
    tokenizer.add_tokens(["\n\n"])
    answer = "\nSubject: x"
    chat = [*PROMPT, {"role": "assistant", "content": answer}]
    whole = tokenizer.apply_chat_template(chat, return_dict=False)
    prompt = prompt_ids(tokenizer, PROMPT)
    assert whole[: len(prompt)] != prompt, "the trap is not set"
    ids = prompt + answer_ids(tokenizer, PROMPT, answer)
    assert tokenizer.decode(ids) == tokenizer.decode(whole)


def test_the_special_tokens_are_those_of_the_template_alone(tokenizer):
    from tokenizers.processors import TemplateProcessing

    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<|pad|> $A", special_tokens=[("<|pad|>", 0)]
    )
    assert tokenizer.encode("x")[0] == tokenizer.pad_token_id, "the trap is not set"
    assert tokenizer.pad_token_id not in prompt_ids(tokenizer, PROMPT)
    assert tokenizer.pad_token_id not in answer_ids(tokenizer, PROMPT, "x")


def test_an_answer_ends_with_the_turns_token_and_the_text_s(tokenizer):
    turn = tokenizer.convert_tokens_to_ids("<|im_end|>")
    assert end_ids(tokenizer) == {turn}
    assert turn in answer_ids(tokenizer, PROMPT, "x")
    tokenizer.eos_token = "<|pad|>"
    assert end_ids(tokenizer) == {turn, tokenizer.pad_token_id}


def test_a_model_that_would_never_stop_is_refused(tokenizer):
    tokenizer.chat_template = TEMPLATE.replace("<|im_end|>", "")
    tokenizer.eos_token = None
    with pytest.raises(InputError, match="eos_token"):
        end_ids(tokenizer)


def test_a_template_that_rewrites_the_prompt_is_refused(tokenizer):
    tokenizer.chat_template = "{{ messages | length }}" + TEMPLATE
    with pytest.raises(InputError, match="differently once it is answered"):
        answer_ids(tokenizer, PROMPT, "x")


def test_a_template_s_own_refusal_names_the_roles(tokenizer):
    tokenizer.chat_template = "{{ raise_exception('no system role') }}"
    with pytest.raises(InputError, match="system, user: no system role"):
        prompt_ids(tokenizer, PROMPT)


TOOL_TEMPLATE = (
    "{% for tool in tools or [] %}{{ '<|im_start|>tool ' + tool.function.name + '<|im_end|>' }}{% endfor %}"
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\n' + message.content }}"
    "{% for call in message.tool_calls or [] %}{{ call.function.name + (call.function.arguments | tojson) }}{% endfor %}"
    "{{ '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
TOOL = {"type": "function", "function": {"name": "look"}}
CALL = {
    "role": "assistant",
    "content": "",
    "tool_calls": [{"function": {"name": "look", "arguments": {"id": 7}}}],
}


def test_tools_are_in_the_prompt_and_their_call_is_in_the_answer(tokenizer):
    tokenizer.chat_template = TOOL_TEMPLATE
    assert "tool look" in tokenizer.decode(prompt_ids(tokenizer, PROMPT, [TOOL]))
    answer = tokenizer.decode(answer_ids(tokenizer, PROMPT, CALL, [TOOL]))
    assert "look" in answer
    assert "7" in answer
    assert "tool" not in answer


@pytest.mark.parametrize(("prompt", "tools"), [(PROMPT, [TOOL]), ([*PROMPT, CALL], [])])
def test_a_template_that_knows_no_tools_is_refused(tokenizer, prompt, tools):
    with pytest.raises(InputError, match="leaves out the tool 'look'"):
        prompt_ids(tokenizer, prompt, tools)
