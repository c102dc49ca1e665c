"""Whether fine-tuning is the right tool, and which kind: from facts, by rules that can be read.

`factors` weighs eight facts, `failures` sorts what the prompt baseline gets wrong, `method` names
what to do by a table of rules, and `target` says whether the prompt baseline is good enough.
`gathering` reads all of it from a store.
"""
