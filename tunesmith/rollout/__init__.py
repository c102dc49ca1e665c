"""How a candidate reaches users: who is asked which model, what that shows, and what follows."""
