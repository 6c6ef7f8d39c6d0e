"""A word learnt from pictures: vectors of its own (Textual Inversion), and with them a LoRA (DreamBooth)."""
