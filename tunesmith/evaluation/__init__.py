"""Ask a model and measure its answers."""
