"""Whether fine-tuning is the right tool, and which kind: from facts, by rules that can be read.

`factors` weighs eight facts, `failures` sorts what the prompt baseline gets wrong, `method` names
what to do by a table of rules, and `target` says whether the prompt baseline is good enough.
`gathering` collects all of it from artifacts, and `document` puts it into the one form that is
stored, printed and shown.
"""
