"""The pairs factory: (before, after, instruction) from rows of captions, each row once, whatever interrupts it."""
