"""Other programs' editing methods, run on the same model and the same cases. None of their code is here."""
