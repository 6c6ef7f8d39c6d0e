"""How large things are: a table of nouns, the lookup of a phrase, and what a ratio of sizes means in a picture."""
