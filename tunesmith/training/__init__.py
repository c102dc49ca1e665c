"""The model side: find a base model, load it, tune it. One module per method of training."""
