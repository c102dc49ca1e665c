"""Rows compared with one another: copies, contradictions, and the fence around unseen rows."""
