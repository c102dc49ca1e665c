"""Views of what the store holds: tables, plots, pages, and MLflow."""
