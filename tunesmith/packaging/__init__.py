"""Making a trained adapter ready to be served, and checking that it is served as it was trained."""
