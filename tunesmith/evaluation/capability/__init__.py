"""What a model could do before fine-tuning, and whether it still can: seven skills, paired."""
