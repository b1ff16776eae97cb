"""What the commands are made of; nothing in here computes GPT-2."""
