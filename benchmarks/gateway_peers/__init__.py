"""Other ways to pass requests on, the server that they ask, and the load that they get."""
