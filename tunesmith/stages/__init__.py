"""One module a stage: its parameters, its body, and the `STAGE` that names them."""
