"""Reading, checking and comparing examples."""
