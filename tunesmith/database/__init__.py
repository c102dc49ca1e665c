"""Tables, migrations and sessions: the truth about what happened and who decided it."""
