"""What the commands do, one module each; `tunesmith.cli` parses and calls them."""
