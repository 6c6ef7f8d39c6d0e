"""How alike two pictures are, and how well one fits a text: from pixels, or by networks with local weights."""
